"""The ledger: a worker's own small file on its host, which outlives it.

It holds the lock that tells whether the worker lives, and for each slot what it runs. Whoever takes over a dead
worker's jobs reads here what may still run and what had ended already.

The lock is a POSIX record lock: the kernel drops it with the process, and children never inherit it. Closing *any*
descriptor of a file drops the process's locks on it, so no process opens a ledger of its own a second time: `_OWN`
knows them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from queuectl.engine.files import make_private_directory
from queuectl.model.outcome import Outcome

SLOT_SIZE = 2048
_HEAD = struct.Struct("<II")
_EMPTY = _HEAD.pack(0, 0)
_HIDDEN = "."

if sys.platform == "darwin":
    _LOCK, _LOCK_FIELDS = struct.Struct("@qqihh"), ("start", "length", "pid", "type", "whence")
else:
    _LOCK, _LOCK_FIELDS = struct.Struct("@hhqqi0q"), ("type", "whence", "start", "length", "pid")
_ASKED = _LOCK.pack(*({"type": fcntl.F_WRLCK}.get(field, 0) for field in _LOCK_FIELDS))
"""The question who holds a lock on any part of a file, as `struct flock`, whose layout differs by platform."""

Phase = Literal["starting", "running", "ended"]

_OWN: dict[str, int] = {}
_OWN_LOCK = threading.Lock()


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a slot runs, or ran: a claim that has no entry never started.

    `started` and `ended` are on the monotonic clock, which all processes of one boot share; `wall` is the start in
    Unix seconds, for readers after a reboot. Until it has ended, its output may be in a file that was made for another
    run, whose token is `blank`.
    """

    job: str
    token: int
    number: int
    phase: Phase
    started: float
    wall: float
    blank: int | None = None
    handle: str | None = None
    ended: float | None = None
    outcome: dict[str, Any] | None = None
    released: bool = False
    cancelled: bool = False

    def result(self) -> Outcome | None:
        """Return the outcome that was noted, if one was."""
        return None if self.outcome is None else Outcome(**self.outcome)


@dataclass(frozen=True, slots=True)
class Record:
    """What stands in a ledger: whose it is, and its entries by token."""

    pid: int
    boot: str
    entries: Mapping[int, Entry]


class Header(msgspec.Struct, frozen=True):
    """The first slot: who writes this ledger."""

    incarnation: str
    pid: int
    boot: str


_encode = msgspec.json.Encoder().encode
_decode_entry = msgspec.json.Decoder(Entry).decode
_decode_header = msgspec.json.Decoder(Header).decode


class Ledger:
    """The ledger of this process. Writes go straight to the file's pages: they survive SIGKILL, and need no space."""

    def __init__(self, run: Path, incarnation: str, *, slots: int, boot: str) -> None:
        """Create, preallocate and lock `run/<incarnation>`. Raises OSError when the disk is full or not writable."""
        make_private_directory(run)
        self.path = run / incarnation
        self._free = list(range(slots, 0, -1))
        self._lock = threading.Lock()
        header = _packed(_encode(Header(incarnation, os.getpid(), boot)))
        self._fd = self._make(SLOT_SIZE * (slots + 1), header)

    def _make(self, size: int, content: bytes) -> int:
        """Make the file, and return its descriptor; nobody sees it under its name before it is locked."""
        hidden = self.path.with_name(f"{_HIDDEN}{self.path.name}")
        fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _preallocate(fd, size)
            os.pwrite(fd, content, 0)
            with _OWN_LOCK:
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                hidden.rename(self.path)
                _OWN[str(self.path)] = fd
        except BaseException:
            hidden.unlink(missing_ok=True)
            os.close(fd)
            raise
        return fd

    def restore(self) -> bool:
        """Put the file back, as it is, if it is gone from under its name; whether it was.

        Without it nobody would see this process. Some job, or somebody who cleans up, may have removed the directory.
        Raises OSError when it cannot be put back.
        """
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(self.path), os.fstat(self._fd)):
                return False
        with self._lock:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            size = os.fstat(self._fd).st_size
            former, self._fd = self._fd, self._make(size, os.pread(self._fd, size, 0))
            os.close(former)
        return True

    def take_slot(self) -> int:
        """Reserve a slot; grows the file when all are taken."""
        with self._lock:
            if not self._free:
                count = os.fstat(self._fd).st_size // SLOT_SIZE
                _preallocate(self._fd, SLOT_SIZE * count * 2)
                self._free = list(range(count * 2 - 1, count - 1, -1))
            return self._free.pop()

    def note(self, slot: int, entry: Entry) -> None:
        """Write what a slot does now."""
        payload = _encode(entry)
        if len(payload) > SLOT_SIZE - _HEAD.size:
            payload = _encode(_shortened(entry, 200))
        if len(payload) > SLOT_SIZE - _HEAD.size:  # control characters take six bytes each
            payload = _encode(_shortened(entry, 20))
        if len(payload) > SLOT_SIZE - _HEAD.size:
            raise ValueError(f"an entry of {len(payload)} bytes does not fit its slot")
        self._write(slot, payload)

    def clear(self, slot: int) -> None:
        """Empty a slot and give it back."""
        with self._lock:
            os.pwrite(self._fd, _EMPTY, slot * SLOT_SIZE)
            self._free.append(slot)

    def close(self, *, unlink: bool = True) -> None:
        """Give the lock up; with `unlink` remove the file first, as a worker does that leaves nothing behind."""
        if self._fd < 0:
            return
        if unlink:
            self.path.unlink(missing_ok=True)
        self._forget()

    def _forget(self) -> None:
        with _OWN_LOCK:
            os.close(self._fd)
            _OWN.pop(str(self.path), None)
        self._fd = -1

    def _write(self, slot: int, payload: bytes) -> None:
        with self._lock:
            os.pwrite(self._fd, _packed(payload), slot * SLOT_SIZE)


def _packed(payload: bytes) -> bytes:
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def is_alive(run: Path, incarnation: str) -> bool | None:
    """Tell whether an incarnation of this host lives; None when it has no ledger here."""
    path = run / incarnation
    with _OWN_LOCK:
        if str(path) in _OWN:
            return True
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(fd)
        return False


def holder(run: Path, incarnation: str) -> int | None:
    """Return the process, another than this one, that holds the lock of a ledger; None where nobody within sight does.

    The kernel tells: it knows the number by which this process may call that one, and whether there is one.
    """
    with _OWN_LOCK:
        if str(run / incarnation) in _OWN:
            return None
        try:
            fd = os.open(run / incarnation, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            answer = fcntl.fcntl(fd, fcntl.F_GETLK, _ASKED)
        finally:
            os.close(fd)
    found = dict(zip(_LOCK_FIELDS, _LOCK.unpack(answer), strict=True))
    return found["pid"] if found["type"] == fcntl.F_WRLCK and found["pid"] > 0 else None


def others(run: Path) -> list[str]:
    """Return the incarnations, dead or alive, that have a ledger here and are not of this process."""
    return sorted(name for name in _files(run) if not name.startswith(_HIDDEN) and str(run / name) not in _OWN)


def _files(run: Path) -> list[str]:
    """Return the names of the plain files: nothing else is a ledger, and to open a FIFO might take for ever."""
    try:
        with os.scandir(run) as entries:
            return [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def read(run: Path, incarnation: str) -> Record | None:
    """Read a ledger, of a live worker or a dead one; None when there is none."""
    path = str(run / incarnation)
    with _OWN_LOCK:
        own = _OWN.get(path)
        if own is not None:
            return _parse(os.pread(own, os.fstat(own).st_size, 0))
        try:
            content = Path(path).read_bytes()
        except FileNotFoundError:
            return None
    return _parse(content)


@contextlib.contextmanager
def hold_dead(run: Path, incarnation: str) -> Iterator[bool]:
    """Hold the lock of a dead worker's ledger, so that one survivor alone deals with it; yields whether that worked."""
    path = run / incarnation
    with _OWN_LOCK:
        fd = _lock(path)
        if fd is not None:
            _OWN[str(path)] = fd
    if fd is None:
        yield False
        return
    try:
        yield True
    finally:
        with _OWN_LOCK:
            os.close(fd)
            _OWN.pop(str(path), None)


def sweep(run: Path, *, older_than: float = 60.0) -> None:
    """Remove what processes left behind that died before their ledger had its name; `older_than` is in seconds."""
    with contextlib.suppress(FileNotFoundError):
        for name in _files(run):
            if name.startswith(_HIDDEN) and time.time() - (run / name).lstat().st_mtime > older_than:
                with hold_dead(run, name) as held:
                    if held:
                        (run / name).unlink()


def _lock(path: Path) -> int | None:
    if str(path) in _OWN:
        return None
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def _parse(content: bytes) -> Record | None:
    payloads = [_payload(content, offset) for offset in range(0, len(content), SLOT_SIZE)]
    if not payloads or payloads[0] is None:
        return None
    header = _decode_header(payloads[0])
    entries = [_decode_entry(payload) for payload in payloads[1:] if payload is not None]
    return Record(header.pid, header.boot, {entry.token: entry for entry in entries})


def _payload(content: bytes, offset: int) -> bytes | None:
    if offset + _HEAD.size > len(content):
        return None
    length, crc = _HEAD.unpack_from(content, offset)
    payload = content[offset + _HEAD.size : offset + _HEAD.size + length]
    return payload if length and zlib.crc32(payload) == crc else None


def _shortened(entry: Entry, length: int) -> Entry:
    """Cut a long error, the only part of an entry without a bound."""
    outcome = dict(entry.outcome or {})
    outcome["error"] = str(outcome.get("error"))[:length]
    return msgspec.structs.replace(entry, outcome=outcome)


def _preallocate(fd: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    else:
        start = os.fstat(fd).st_size
        os.pwrite(fd, b"\0" * (size - start), start)


def age(entry: Entry, *, same_boot: bool) -> float:
    """Return how many seconds ago a run started."""
    return max(0.0, time.monotonic() - entry.started if same_boot else time.time() - entry.wall)
