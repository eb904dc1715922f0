"""What is wrong with a configuration, all of it at once."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from queuectl.config.tree import Origin
from queuectl.errors import ConfigError


class Problem(Struct, frozen=True):
    """One thing that is wrong. `key` is the path of the setting, or empty."""

    origin: Origin
    key: str
    text: str
    hint: str | None = None
    details: tuple[str, ...] = ()
    error: type[ConfigError] = ConfigError

    def __str__(self) -> str:
        """Write it as a line: `queuectl.yaml:5:16: worker.concurrency: expected an integer, got 'many'`."""
        return ": ".join(part for part in (str(self.origin), self.key, self.text) if part)


class Problems:
    """The problems found so far. What two paths to the same place would both report is kept once."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, origin: Origin, key: str, text: str, hint: str | None = None) -> None:
        """Note a problem."""
        self.note(Problem(origin, key, text, hint))

    def add_error(self, origin: Origin, key: str, error: ConfigError) -> None:
        """Note an error that knows nothing of places."""
        self.note(Problem(origin, key, error.message, error.hint, error.details, type(error)))

    def note(self, problem: Problem) -> None:
        """Note a problem that is made already."""
        if all((known.origin, known.text) != (problem.origin, problem.text) for known in self.found):
            self.found.append(problem)

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.found)

    def __len__(self) -> int:
        """How many things are wrong."""
        return len(self.found)

    def in_order(self) -> list[Problem]:
        """Return them as they stand in the file; those of the environment and flags come after."""
        places = [
            (not problem.origin.line, problem.origin.line, problem.origin.column, index)
            for index, problem in enumerate(self.found)
        ]
        return [self.found[index] for *_, index in sorted(places)]

    def raise_any(self) -> None:
        """Raise ConfigError with all of them."""
        if self.found:
            raise error_of(self.in_order())


def error_of(problems: Iterable[Problem]) -> ConfigError:
    """Put problems into one error: one is the message itself, several are listed below their number."""
    found = list(problems)
    if len(found) == 1:
        return found[0].error(str(found[0]), hint=found[0].hint, details=found[0].details)
    hints = [problem.hint for problem in found if problem.hint]
    lines = [line for problem in found for line in (str(problem), *problem.details)]
    return ConfigError(f"the configuration has {len(found)} errors", details=lines, hint=hints[0] if hints else None)
