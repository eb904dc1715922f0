"""The session: what one call of the command line carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queuectl.config import Config
    from queuectl.engine.queue import Queue


@dataclass
class Session:
    """What one call of the command line carries: its global options, and the configuration and the queue once opened.

    `color` is None where the stream decides, False under `--no-color`. `literal` holds what stood after `--`.
    """

    config_file: str | None = None
    overrides: list[str] = field(default_factory=list)
    json: bool = False
    quiet: bool = False
    color: bool | None = None
    debug: bool = False
    literal: tuple[str, ...] = ()
    _config: Config | None = field(default=None, repr=False)
    _queue: Queue | None = field(default=None, repr=False)

    def config(self) -> Config:
        """Read the configuration, once."""
        if self._config is None:
            from queuectl.config import load_config

            self._config = load_config(self.config_file, overrides=self.overrides)
        return self._config

    def queue(self) -> Queue:
        """Open the queue, once; it is closed when the command ends."""
        if self._queue is None:
            from queuectl.engine.queue import Queue

            self._queue = Queue(self.config())
        return self._queue

    def close(self) -> None:
        """Close the queue if it was opened."""
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.close()
