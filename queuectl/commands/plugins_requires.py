"""Whether this queuectl is one that a distribution asks for in its `Requires-Dist`.

Our own versions are plain numbers such as 1.4.2, so a few lines serve; the whole of the rules would need a library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_REQUIREMENT = re.compile(r"\s*queuectl\s*(?:\[[^\]]*\])?\s*\(?(?P<specifiers>[^;@)]*)\)?\s*(?P<marker>;.*)?")
_SPECIFIER = re.compile(r"\s*(===|==|~=|!=|<=|>=|<|>)\s*v?([0-9]+(?:\.[0-9]+)*)(\.\*)?[^,]*")

Release = tuple[int, ...]


def unmet(requires: Iterable[str], version: str) -> str | None:
    """Return the first requirement on queuectl that a version does not meet, None when all are met.

    What a marker makes depend on something else is passed over: extras are asked for by whoever installs.
    """
    for requirement in requires:
        match = _REQUIREMENT.fullmatch(requirement)
        if match is None or match["marker"]:
            continue
        specifiers = [each.strip() for each in match["specifiers"].split(",") if each.strip()]
        if not all(_meets(version, specifier) for specifier in specifiers):
            return f"queuectl {', '.join(specifiers)}"
    return None


def _meets(version: str, specifier: str) -> bool:
    match = _SPECIFIER.fullmatch(specifier)
    if match is None:
        return True  # written in a way that we do not know: it is pip's business
    operator, wanted, prefix = match[1], _release(match[2]), match[3]
    ours = _release(version)
    if operator == "~=":
        return ours >= wanted and ours[: len(wanted) - 1] == wanted[:-1]
    if prefix:
        same = _padded(ours, len(wanted))[: len(wanted)] == wanted
        return same if operator == "==" else not same
    left, right = _padded(ours, len(wanted)), _padded(wanted, len(ours))
    return {
        "==": left == right,
        "===": left == right,
        "!=": left != right,
        "<": left < right,
        ">": left > right,
        "<=": left <= right,
        ">=": left >= right,
    }[operator]


def _release(version: str) -> Release:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _padded(release: Release, length: int) -> Release:
    return release + (0,) * (length - len(release))
