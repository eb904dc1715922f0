"""The session: what one call of the command line carries.

A Struct, no dataclass: every call defines it, which takes a tenth of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from queuectl.config import Config
    from queuectl.engine.queue import Queue


class Session(Struct, eq=False):
    """What one call of the command line carries: its global options, and the configuration and the queue once opened.

    `color` is None where the stream decides, False under `--no-color`. `literal` holds what stood after `--`.
    """

    config_file: str | None = None
    overrides: list[str] = []
    json: bool = False
    quiet: bool = False
    color: bool | None = None
    debug: bool = False
    literal: tuple[str, ...] = ()
    _config: Config | None = None
    _queue: Queue | None = None

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
