"""Jobs as JSON text: an object, an array of objects, or JSON Lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from math import isinf
from typing import Any

import msgspec

from queuectl.engine.complaints import Complaints
from queuectl.engine.fields import READERS
from queuectl.errors import UsageError

_BOM = b"\xef\xbb\xbf"
_ESCAPED = rb"\\u00[567]"
"""An escape in the place of a letter that names of fields consist of."""

_BYTE = r" \(byte (\d+)\)$"
_QUOTED = {field: f'"{field}"'.encode() for field in READERS}
_decoder = msgspec.json.Decoder()

_ROOM = b" " * 6
"""Follows a text that is decoded, for half of a surrogate pair near its end not to be taken for an early end."""


Given = tuple[str, Mapping[str, Any]]
"""The place of a job, as errors name it (`jobs.jsonl:17`, `item 3`, or nothing), and the job as it was given."""


class _Piece(msgspec.Struct, frozen=True):
    """Some JSON that stands for itself, and where it begins in the whole text."""

    text: bytes
    start: int
    place: str


def parse_jobs(data: bytes | str, source: str = "") -> list[Given]:
    """Read jobs from JSON text: one object, an array of objects, or an object a line (blank lines are passed over).

    `source` is what errors call the text, such as the name of a file; the words of a command line need none. Raises
    UsageError with line and column for what is no such text.
    """
    return _Text(data, source).jobs()


class _Text:
    """A text with its source."""

    def __init__(self, data: bytes | str, source: str) -> None:
        # Arguments of a process that are not UTF-8 come as text with surrogates: back to the bytes that they were.
        raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
        self.data = raw.removeprefix(_BOM)
        self.source = source

    def jobs(self) -> list[Given]:
        """Return the jobs."""
        self._require_utf8()
        begin = self.data.lstrip()[:1]
        if not begin:
            return []
        if begin == b"[":
            return self._array()
        if begin == b"{":
            return self._objects()
        start = len(self.data) - len(self.data.lstrip())
        raise UsageError(f"{self._at(start)}expected a JSON object, an array of objects, or an object a line")

    def _array(self) -> list[Given]:
        items = self._decoded(_Piece(self.data, 0, self.source))
        prefix = f"{self.source}: item" if self.source else "item"
        given = [(f"{prefix} {number}", item) for number, item in enumerate(items, 1)]
        _require_objects(given)
        if _may_be_doubled(self.data, given):
            _refuse_doubled(zip(given, self._pairs(_Piece(self.data, 0, self.source)), strict=True))
        return given

    def _objects(self) -> list[Given]:
        given = self._well_formed_lines()
        if given is None:
            given = self._each_decoded()
        _require_objects(given)
        if _may_be_doubled(self.data, given):
            pieces = zip(given, self._pieces(), strict=True)
            _refuse_doubled((one, self._pairs(piece)) for one, piece in pieces if _may_be_doubled(piece.text, [one]))
        return given

    def _well_formed_lines(self) -> list[Given] | None:
        """Return the jobs of a text that is an object a line throughout, at once; None leaves it to be looked at."""
        try:
            jobs = _decoder.decode_lines(self.data)
        except (msgspec.DecodeError, RecursionError):
            return None
        if len(jobs) != self.data.rstrip().count(b"\n") + 1:
            return None
        if self.source or len(jobs) == 1:
            places = [f"{self.source}:{number}" if self.source else "" for number in range(1, len(jobs) + 1)]
        else:
            places = [f"line {number}" for number in range(1, len(jobs) + 1)]
        return list(zip(places, jobs, strict=True))

    def _each_decoded(self) -> list[Given]:
        complaints = Complaints()
        given: list[Given] = []
        for piece in self._pieces():
            try:
                given.append((piece.place, self._decoded(piece)))
            except UsageError as error:
                complaints.add(error)
        complaints.raise_any()
        return given

    def _pieces(self) -> list[_Piece]:
        """Return what is to be decoded by itself: each line, or one object over several lines."""
        lines = list(self._lines())
        return [_Piece(self.data, 0, self.source)] if _ends_early(lines[0].text) else lines

    def _lines(self) -> Iterator[_Piece]:
        start = 0
        single = b"\n" not in self.data.strip()
        for number, line in enumerate(self.data.split(b"\n"), 1):
            if line and not line.isspace():
                place = f"{self.source}:{number}" if self.source else "" if single else f"line {number}"
                yield _Piece(line, start, place)
            start += len(line) + 1

    def _decoded(self, piece: _Piece) -> Any:
        try:
            return _decode(piece.text)
        except msgspec.DecodeError as error:
            raise self._complaint(piece, str(error)) from None
        except RecursionError:
            raise self._complaint(piece, _TOO_DEEP) from None

    def _pairs(self, piece: _Piece) -> Any:
        """Decode what can be decoded again, with objects as lists of pairs."""
        import json  # takes longer to import than a job takes to store

        try:
            return json.loads(piece.text, object_pairs_hook=list)
        except RecursionError:  # a little earlier than the other decoder
            raise self._complaint(piece, _TOO_DEEP) from None

    def _complaint(self, piece: _Piece, text: str) -> UsageError:
        found = re.search(_BYTE, text)
        what = re.sub(_BYTE, "", text).removeprefix("JSON is malformed: ").partition(" - at ")[0]
        where = f"{piece.place}: " if piece.place else ""
        if found:
            # Of what follows, the second byte is told.
            where = self._at(piece.start + int(found[1]) - (what == _FOLLOWS))
        field = _out_of_range(piece.text) if _WORDS.get(what) == _TOO_LARGE else None
        if field is not None:
            return UsageError(f"{where}{field}: {_TOO_LARGE}")
        hint = 'JSON wants double quotes: {"command": "sleep 2"}' if what == "object keys must be strings" else None
        return UsageError(f"{where}no JSON: {_WORDS.get(what, what)}", hint=hint)

    def _require_utf8(self) -> None:
        try:
            self.data.decode()
        except UnicodeDecodeError as error:
            byte = self.data[error.start]
            raise UsageError(f"{self._at(error.start)}not UTF-8: byte 0x{byte:02x}") from None

    def _at(self, offset: int) -> str:
        """Return how a place is told: `jobs.jsonl:17:4: `, without a source `line 17, column 4: `."""
        before = self.data[:offset]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
        return f"{self.source}:{line}:{column}: " if self.source else f"line {line}, column {column}: "


_TOO_DEEP = "it is nested too deeply"
_FOLLOWS = "trailing characters"
_HALF = "half of a surrogate pair stands alone"

_TOO_LARGE = "a number is out of range"
_NUMBER = rb'"([^"\\]+)"\s*:\s*(-?[0-9][-+.0-9eE]*)'

_WORDS = {
    "Input data was truncated": "it ends too early",
    _FOLLOWS: "something follows the end of the object or array",
    "Number out of range": _TOO_LARGE,
    "Integer value out of range": _TOO_LARGE,
    "unexpected end of escaped utf-16 surrogate pair": _HALF,
    "invalid utf-16 surrogate pair": _HALF,
}


def _decode(text: bytes) -> Any:
    return _decoder.decode(text + _ROOM)


def _out_of_range(text: bytes) -> str | None:
    """Return the name of the field whose number no float has room for; the decoder tells no place."""
    for name, digits in re.findall(_NUMBER, text):
        with suppress(ValueError):
            if isinf(float(digits)):
                return bytes(name).decode()
    return None


def _ends_early(text: bytes) -> bool:
    try:
        _decode(text)
    except msgspec.DecodeError as error:
        return str(error) == "Input data was truncated"
    except RecursionError:
        return False
    return False


def _require_objects(given: list[Given]) -> None:
    complaints = Complaints()
    for place, job in given:
        if not isinstance(job, dict):
            from queuectl.engine.fields import shown

            complaints.add(UsageError(f"{place}: expected a JSON object, got {shown(job)}"))
    complaints.raise_any()


def _may_be_doubled(data: bytes, given: list[Given]) -> bool:
    """Whether a field may stand twice in an object: told by counting, since decoding keeps the last one alone."""
    if b"\\u00" in data and re.search(_ESCAPED, data):
        return True
    counts = Counter(chain.from_iterable(job for _, job in given))
    return any(data.count(quoted) != counts[name] for name, quoted in _QUOTED.items() if counts[name])


def _refuse_doubled(given: Iterable[tuple[Given, list[tuple[str, Any]]]]) -> None:
    """Refuse jobs with a field that stands twice; of each come the pairs that it consists of."""
    complaints = Complaints()
    for (place, _), pairs in given:
        counts = Counter(name for name, _ in pairs)
        for name in (name for name, count in counts.items() if count > 1):
            complaints.add(UsageError(f"{place}: the field {name!r} stands twice".removeprefix(": ")))
    complaints.raise_any()
