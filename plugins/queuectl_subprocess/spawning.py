"""Starting a command: its own session and directory, default signals, nothing of the worker's but the output files.

`posix_spawn` is called through ctypes, since `os.posix_spawn` cannot change the directory, and `subprocess` resets
neither ignored signals nor the signal mask (and takes more processor time).
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import takewhile
from typing import Any

from queuectl_subprocess import kernel

if sys.platform == "win32":
    raise ImportError("jobs run on Linux and macOS only")

NOT_FOUND = 127
NOT_EXECUTABLE = 126
"""The exit codes by which shells tell that a command could not be started."""

_SHELL = "/bin/sh"
_LONGEST_WORD = 32 * 4096 - 1
"""Bytes of a word or variable that Linux takes at most (`MAX_ARG_STRLEN`), whatever room all of them have together."""
_PIECE = _LONGEST_WORD // 4
"""As many characters always fit into a word."""
_CHANGE_DIRECTORY = 'cd -- "$0" && exec "$@"'
_NOT_FOUND = frozenset({errno.ENOENT, errno.ENOTDIR})
_NOT_ITS_FAULT = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
_Outputs = tuple[int | str, int | str | None]
_APPEND = os.O_WRONLY | os.O_APPEND
_OPAQUE = 1024  # bytes; more than any C library needs for the structures that it fills in


class StartError(Exception):
    """The command did not start; `exit_code` is what a shell would say, None when that is not about the command.

    It is `passing` where the system has no room for another process just now.
    """

    def __init__(self, message: str, exit_code: int | None = None, *, passing: bool = False) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.passing = passing


def spawn(
    command: str | tuple[str, ...],
    *,
    env: Mapping[str, str],
    cwd: str | None,
    output: int | str,
    error_output: int | str | None = None,
) -> int:
    """Start a command, and return its process id, which is also the number of its session and group.

    `output` and `error_output` are descriptors, or paths that the process opens for appending; without `error_output`
    both are one. Returns once the program is loaded. Raises `StartError`.
    """
    words = _words(command)
    if not words:
        raise StartError("the command is empty")
    argv, variables = _encoded(words), _variables(env)
    directory = None if cwd is None else _encoded((cwd,))[0]
    try:
        path = os.fsencode(_find(words[0], env, cwd))
        return _posix_spawn(path, argv, variables.array, directory, (output, error_output))
    except OSError as error:
        if cwd is not None:
            _check_directory(cwd)
        if error.errno == errno.E2BIG:
            raise _too_long(words[0], argv, variables.words) from None
        raise _start_error(error, words[0], cwd) from None


def _words(command: str | tuple[str, ...]) -> Sequence[str]:
    if not isinstance(command, str):
        return command
    if len(command) > _PIECE and len(command.encode(errors="surrogatepass")) > _LONGEST_WORD:
        return _in_pieces(command)
    # What looks like an option of the shell's is a command all the same.
    return (_SHELL, "-c", "--", command) if command.startswith(("-", "+")) else (_SHELL, "-c", command)


def _in_pieces(text: str) -> Sequence[str]:
    """Hand a text to the shell in several words, which puts them together again and forgets that it was given any."""
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    together = "".join(f"${{{number}}}" for number in range(1, len(pieces) + 1))
    return (_SHELL, "-c", f'eval "set --; {together}"', _SHELL, *pieces)


def _encoded(texts: Sequence[str]) -> list[bytes]:
    """Encode texts, all in one go, since this is done for every job; none of them may hold a NUL in any case."""
    try:
        encoded = os.fsencode("\0".join(texts)).split(b"\0")
    except UnicodeEncodeError as error:
        raise StartError(f"cannot write the command in this system's encoding: {error}") from None
    if len(encoded) != len(texts):
        raise StartError("the command, its environment or its directory holds a NUL character")
    return encoded


class _Variables:
    """An environment as the C library takes it.

    It begins as the one of the `last` command did, mostly: that part is taken over as it is. `shared` says how many
    variables that were.
    """

    def __init__(self, items: list[tuple[str, str]], last: _Variables | None, shared: int) -> None:
        fresh = [f"{name}={value}" for name, value in items[shared:]]
        self.items, self.shared = items, shared
        self.words: list[bytes] = [] if last is None else last.words[:shared]
        if fresh:
            self.words += _encoded(fresh)
        if last is None or len(items) != len(last.items):
            self.array = _array(self.words)
        else:
            self.array = type(last.array).from_buffer_copy(last.array)
            self.array[shared : len(items)] = self.words[shared:]


_last_variables: _Variables | None = None


def _variables(env: Mapping[str, str]) -> _Variables:
    global _last_variables  # noqa: PLW0603  # none is ever changed: threads may take each other's
    items, last = list(env.items()), _last_variables
    shared = 0
    if last is not None:
        shared = last.shared
        if not shared or items[:shared] != last.items[:shared]:
            shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(items, last.items, strict=False)))
    _last_variables = variables = _Variables(items, last, shared)
    return variables


def _find(name: str, env: Mapping[str, str], cwd: str | None) -> str:
    """Look a program up as a shell in the directory `cwd` would; raises OSError."""
    if "/" in name:
        return name
    refused = False
    for directory in env.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(directory or ".", name)
        seen_from_here = os.path.join(cwd or "", path)
        if os.path.isfile(seen_from_here):
            if os.access(seen_from_here, os.X_OK):
                return path
            refused = True
    raise PermissionError(errno.EACCES, "") if refused else FileNotFoundError(errno.ENOENT, "")


def _check_directory(cwd: str) -> None:
    try:
        if not stat.S_ISDIR(os.stat(cwd).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(cwd, os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise StartError(f"cannot change to directory {cwd}: {error.strerror}") from None


def _start_error(error: OSError, name: str, cwd: str | None) -> StartError:
    if error.errno in _NOT_ITS_FAULT:
        return StartError(f"cannot start a process: {os.strerror(error.errno)}", passing=True)
    if error.errno not in _NOT_FOUND:
        return StartError(f"{name}: {os.strerror(error.errno or 0)}", NOT_EXECUTABLE)
    if "/" not in name:
        return StartError(f"{name}: command not found", NOT_FOUND)
    if os.path.isfile(os.path.join(cwd or "", name)):
        return StartError(f"{name}: the interpreter that it names was not found", NOT_FOUND)
    return StartError(f"{name}: {os.strerror(errno.ENOENT)}", NOT_FOUND)


def _too_long(name: str, argv: Sequence[bytes], variables: Sequence[bytes]) -> StartError:
    for what, texts in (("a word", argv), ("an environment variable", variables)):
        longest = max(map(len, texts), default=0)
        if longest > _LONGEST_WORD:
            limit = f"{_LONGEST_WORD} at most"
            return StartError(f"{name}: {what} of {longest} bytes is too long for this system: {limit}", NOT_EXECUTABLE)
    return StartError(f"{name}: {os.strerror(errno.E2BIG)}", NOT_EXECUTABLE)


def _posix_spawn(path: bytes, argv: Sequence[bytes], env: object, directory: bytes | None, outputs: _Outputs) -> int:
    pid = ctypes.c_int()
    if directory is not None and not hasattr(_libc(), "posix_spawn_file_actions_addchdir_np"):
        shell = os.fsencode(_SHELL)
        argv, path, directory = [shell, b"-c", _CHANGE_DIRECTORY.encode(), directory, *argv], shell, None
    actions = _file_actions(directory, outputs)
    # This one call goes without the interpreter's lock: it lasts until the program is loaded.
    start = _unlocked_libc().posix_spawn
    _call(start, ctypes.byref(pid), path, actions.structure, _attributes(), _array(argv), env)
    return pid.value


class _FileActions:
    """What is done to the descriptors and the directory before the program is loaded; kept for the next command."""

    def __init__(self, directory: bytes | None, outputs: _Outputs) -> None:
        libc, actions = _libc(), ctypes.create_string_buffer(_OPAQUE)
        _call(libc.posix_spawn_file_actions_init, actions)
        self.structure = actions
        output, error_output = outputs
        for target, source in ((1, output), (2, 1 if error_output is None else error_output)):
            if isinstance(source, str):
                _call(libc.posix_spawn_file_actions_addopen, actions, target, os.fsencode(source), _APPEND, 0)
            else:
                _call(libc.posix_spawn_file_actions_adddup2, actions, source, target)
        _call(libc.posix_spawn_file_actions_addopen, actions, 0, os.fsencode(os.devnull), os.O_RDONLY, 0)
        if directory is not None:
            _call(libc.posix_spawn_file_actions_addchdir_np, actions, directory)
        if hasattr(libc, "posix_spawn_file_actions_addclosefrom_np"):
            _call(libc.posix_spawn_file_actions_addclosefrom_np, actions, 3)

    def __del__(self) -> None:
        if hasattr(self, "structure"):
            _libc().posix_spawn_file_actions_destroy(self.structure)


@lru_cache(maxsize=16)
def _file_actions(directory: bytes | None, outputs: _Outputs) -> _FileActions:
    return _FileActions(directory, outputs)


@cache
def _attributes() -> object:
    libc, attributes = _libc(), ctypes.create_string_buffer(_OPAQUE)
    # Not by `sigfillset`: it leaves out two signals of the C library's own, which commands would then ignore.
    every, none = ctypes.create_string_buffer(b"\xff" * _OPAQUE, _OPAQUE), ctypes.create_string_buffer(_OPAQUE)
    for fixed in (signal.SIGKILL, signal.SIGSTOP):
        libc.sigdelset(every, int(fixed))
    _call(libc.posix_spawnattr_init, attributes)
    _call(libc.posix_spawnattr_setsigdefault, attributes, every)
    _call(libc.posix_spawnattr_setsigmask, attributes, none)
    _call(libc.posix_spawnattr_setflags, attributes, ctypes.c_short(kernel.SPAWN_FLAGS))
    return attributes


@cache
def _libc() -> ctypes.PyDLL:
    return ctypes.PyDLL(None)


@cache
def _unlocked_libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _array(texts: Sequence[bytes]) -> Any:
    return (ctypes.c_char_p * (len(texts) + 1))(*texts, None)


def _call(function: Callable[..., int], *arguments: object) -> None:
    """Call a function of the `posix_spawn` family, which return the error in the place of `errno`."""
    code = function(*arguments)
    if code:
        raise OSError(code, os.strerror(code))
