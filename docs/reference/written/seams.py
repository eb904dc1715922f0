"""seams.md: the four Protocols, and what goes in and out of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

import queuectl
from written.markdown import table
from written.source import Named, members, text_of

SEAMS: Mapping[str, Sequence[str]] = {
    "Backoff": ("Failure",),
    "Executor": ("EndingExecutor", "RunContext", "OutputFile", "ReopenableFile", "Cancelled", "Outcome"),
    "Notifier": ("Event",),
    "Storage": (
        *("NewJob", "Job", "FreshJobs", "State"),
        *("Query", "Page", "Action", "Edit", "Changed", "QueueState", "Group", "Backlog", "Bucket"),
        *("NewWorker", "Worker", "Role", "StopMode", "Ask", "Lease", "Claim", "Exchange", "Beat"),
        *("Settlement", "Verdict", "Run", "Result", "Output", "Attempt"),
        *("DiagnosedStorage", "Finding", "Health", "AdoptingStorage", "Moved", "BackloggedStorage"),
    ),
}
"""Each seam, and the types that it speaks of. A test holds this to all that `queuectl` exports of its model."""

INTRODUCTION = """\
# The seams

What a plugin builds has the methods of one of these Protocols. `queuectl` exports them, and every type that they speak
of. Nothing needs to be subclassed: an object with the right methods will do, and a type checker tells when they are not
right.

This page repeats the source. [Hooks](hooks.md) says how a plugin offers what it builds.
"""


def page() -> str:
    """Return the page on the seams."""
    return "\n".join([INTRODUCTION, *(part for seam, types in SEAMS.items() for part in _seam(seam, types))])


def _seam(name: str, types: Sequence[str]) -> Iterator[str]:
    seam = getattr(queuectl, name)
    yield f"## {name}\n\n{text_of(seam)}\n"
    yield from _methods(members(seam), "###")
    for each in types:
        yield from _type(each)


def _methods(found: Sequence[Named], level: str) -> Iterator[str]:
    for each in found:
        text = f"\n{each.text}\n" if each.text else ""
        yield f"{level} {each.name}\n\n```python signature\n{each.code}\n```\n{text}"


def _type(name: str) -> Iterator[str]:
    kind = getattr(queuectl, name)
    found = members(kind)
    yield f"### {name}\n\n{text_of(kind)}\n"
    if issubclass(kind, Enum):
        yield table(("value", "meaning"), [(f"`{each.code.split(' = ')[1][1:-1]}`", each.text) for each in found])
        return
    fields = [each.code for each in found if "(" not in each.code.partition(" = ")[0] and not each.text]
    if fields:
        yield "```python fields\n" + "\n".join(fields) + "\n```\n"
    yield from _methods([each for each in found if each.text], "####")
