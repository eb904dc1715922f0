"""Where the configuration and the data lie."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from queuectl.errors import ConfigError

NAME = "queuectl.yaml"
SYSTEM = Path("/etc/queuectl") / NAME


class Candidate(Struct, frozen=True):
    """A place where a configuration file may be; one that somebody `named` must be there."""

    path: Path
    why: str
    named: bool = False
    shown: str = ""

    def exists(self) -> bool:
        """Whether anything is there; a dangling link is, and is an error rather than passed over."""
        try:
            os.lstat(self.path)
        except OSError:
            return False
        return True


class Places(Struct, frozen=True):
    """What an environment and a current directory (None: it is gone) say about places."""

    environ: Mapping[str, str]
    cwd: Path | None

    @classmethod
    def here(cls, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Places:
        """Return the places as this process sees them."""
        if cwd is None:
            try:
                cwd = Path.cwd()
            except FileNotFoundError:
                return cls(os.environ if environ is None else environ, None)
        return cls(os.environ if environ is None else environ, cwd.absolute())

    def find(self, file: str | Path | None = None) -> Candidate | None:
        """Return the first file there is, in the order of `candidates`; None leaves the defaults to serve.

        Raises ConfigError when a file that was named is not there.
        """
        for candidate in self.candidates(file):
            if candidate.exists():
                return candidate
            if candidate.named:
                hint = f"queuectl config init --path {candidate.shown} makes one to start from"
                raise ConfigError(f"{candidate.why} names a file that is not there: {candidate.shown}", hint=hint)
        return None

    def candidates(self, file: str | Path | None = None) -> Iterator[Candidate]:
        """Yield where the configuration may be, the first that exists wins."""
        for named, why in ((file, "--config"), (self.environ.get("QUEUECTL_CONFIG"), "QUEUECTL_CONFIG")):
            if named is not None and os.fspath(named) != "":
                yield Candidate(self.absolute(os.fspath(named), why), why, named=True, shown=os.fspath(named))
            elif named is not None and why == "--config":
                raise ConfigError("--config names no file: its value is empty")
        if self.cwd is not None:
            yield Candidate(self.cwd / NAME, "the current directory", shown=NAME)
        yield from self._of_user_and_system()

    def _of_user_and_system(self) -> Iterator[Candidate]:
        if self.environ.get("QUEUECTL_HOME"):
            yield self._candidate(self._named_home() / NAME, "QUEUECTL_HOME")
        config = self._xdg("XDG_CONFIG_HOME", ".config")
        if config is not None:
            yield self._candidate(config / "queuectl" / NAME, "the user's configuration")
        yield self._candidate(SYSTEM, "the system's configuration")

    @staticmethod
    def _candidate(path: Path, why: str) -> Candidate:
        return Candidate(path, why, shown=str(path))

    def data(self) -> Path:
        """Return the data directory, which may not exist."""
        if self.environ.get("QUEUECTL_HOME"):
            return self._named_home()
        state = self._xdg("XDG_STATE_HOME", ".local/state")
        if state is None:
            raise ConfigError("no home directory is known to keep data in", hint="set QUEUECTL_HOME to a directory")
        return state / "queuectl"

    def user_file(self) -> Path:
        """Return where the user's own file belongs."""
        if self.environ.get("QUEUECTL_HOME"):
            return self._named_home() / NAME
        config = self._xdg("XDG_CONFIG_HOME", ".config")
        if config is None:
            raise ConfigError("no home directory is known to keep a file in", hint="set QUEUECTL_HOME to a directory")
        return config / "queuectl" / NAME

    def absolute(self, path: str, why: str, base: Path | None = None) -> Path:
        """Make a path absolute, from `base` or else the current directory; `~` is the home directory.

        `..` is left for the kernel to follow, since a directory on the way may be a link.
        """
        expanded = self._expanded(path, why)
        if expanded.is_absolute():
            return expanded
        start = base or self.cwd
        if start is None:
            raise ConfigError(f"{why}: the path {path} is relative, and the current directory no longer exists")
        return start / expanded

    def _expanded(self, path: str, why: str) -> Path:
        first, _, rest = path.partition("/")
        if first == "~" and (home := self._home()) is not None:
            return home / rest
        if not first.startswith("~") or len(first) == 1:
            return Path(path)
        try:
            return Path(path).expanduser()
        except RuntimeError:
            raise ConfigError(
                f"{why}: the home directory of {first} is not known", hint=f"./{path} is a path"
            ) from None

    def _named_home(self) -> Path:
        return self.absolute(self.environ["QUEUECTL_HOME"], "QUEUECTL_HOME")

    def _home(self) -> Path | None:
        home = self.environ.get("HOME")
        if home:
            return Path(home)
        if sys.platform == "win32":
            profile = self.environ.get("USERPROFILE")
            return Path(profile) if profile else None
        import pwd

        try:
            return Path(pwd.getpwuid(os.getuid()).pw_dir)
        except KeyError:
            return None

    def _xdg(self, variable: str, default: str) -> Path | None:
        """Return a directory of the XDG specification, which asks to pass over relative ones."""
        value = self.environ.get(variable, "")
        if value and Path(value).is_absolute():
            return Path(value)
        home = self._home()
        return home / default if home is not None and home.is_absolute() else None
