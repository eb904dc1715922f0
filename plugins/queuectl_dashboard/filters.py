"""Filters: which jobs an address means, and the address that means them."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from queuectl import Query, State, UsageError

LONGEST = 1000

_NARROWING = re.compile(r"""(?<!\S)(state|queue|tag):(?:"([^"]+)"|([^\s"]+))(?!\S)""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What the address of a list says. `cause` is how jobs ended, as a group of the dead letter queue names it."""

    state: str = ""
    queue: str = ""
    tag: str = ""
    text: str = ""
    grouped: bool = False
    error: str | None = None
    exit_code: int | None = None
    signal: int | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Filter:
        """Read it from an address or a form. Raises UsageError for a state or a number that is none."""
        words = {name: str(given.get(name) or "") for name in ("state", "queue", "tag", "text", "error")}
        if any(len(word) > LONGEST for name, word in words.items() if name != "error"):
            raise UsageError(f"a filter has at most {LONGEST} characters")
        grouped = bool(given.get("grouped"))
        return cls(
            state=words["state"].strip(),
            queue=words["queue"],
            tag=words["tag"],
            text=words["text"],
            grouped=grouped,
            error=(words["error"] or None) if grouped else None,
            exit_code=_integer(given, "exit_code") if grouped else None,
            signal=_integer(given, "signal") if grouped else None,
        )

    @property
    def query(self) -> Query:
        """The query that it means."""
        return Query(
            states=_states(self.state),
            queue=self.queue or None,
            tag=self.tag or None,
            text=self.text or None,
            grouped=self.grouped,
            error=self.error,
            exit_code=self.exit_code,
            signal=self.signal,
        )

    @property
    def fields(self) -> dict[str, str]:
        """What an address or a form holds to mean the same."""
        given = {
            "state": self.state,
            "queue": self.queue,
            "tag": self.tag,
            "text": self.text,
            "grouped": "1" if self.grouped else "",
            "error": self.error or "",
            "exit_code": "" if self.exit_code is None else str(self.exit_code),
            "signal": "" if self.signal is None else str(self.signal),
        }
        return {name: value for name, value in given.items() if value}

    def address(self, path: str = "/jobs", **more: str | None) -> str:
        """Return the address of a page with this filter; `more` replaces or, where it is None, removes something."""
        fields = {name: value for name, value in {**self.fields, **more}.items() if value}
        return f"{path}?{urlencode(fields)}" if fields else path

    def narrowed(self, queues: Container[str]) -> Filter:
        """Return the filter with what its text says of state, queue and tag, as `state:dead`, in the place for it.

        What names no state, or no queue that there is, stays a part of the text.
        """
        found: dict[str, str] = {}

        def take(match: re.Match[str]) -> str:
            name, value = match[1], match[2] or match[3]
            sound = {"state": value in set(State), "queue": value in queues, "tag": True}[name]
            if not sound or name in found:
                return match[0]
            found[name] = value
            return " "

        text = _NARROWING.sub(take, self.text)
        rest = " ".join(text.split())
        state, queue, tag = (found.get(name, getattr(self, name)) for name in ("state", "queue", "tag"))
        return replace(self, text=rest, state=state, queue=queue, tag=tag) if found else self

    def __bool__(self) -> bool:
        return bool(self.fields)


def _states(text: str) -> frozenset[State] | None:
    if not text:
        return None
    try:
        return frozenset(State(word.strip()) for word in text.split(","))
    except ValueError:
        raise UsageError(f"no state {text!r}", hint=f"the states are {', '.join(State)}") from None


def _integer(given: Mapping[str, Any], name: str) -> int | None:
    text = str(given.get(name, "") or "") if given.get(name) != 0 else "0"
    try:
        return int(text) if text else None
    except ValueError:
        raise UsageError(f"{name}: expected a number, got {text!r}") from None
