"""The token that lets a browser or a script in."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from queuectl import ConfigError

SHORTEST = 32
"""How many characters a token has at least: nobody guesses it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A secret text, and the cookie that stands for it.

    The cookie does not hold the token: whoever sees one cannot use it as the other.
    """

    text: str

    @classmethod
    def made(cls) -> Token:
        """Make a new one, of 32 random bytes."""
        return cls(secrets.token_urlsafe(32))

    @classmethod
    def kept_in(cls, file: str) -> Token:
        """Read the token from a file, which is made if it is not there. Raises ConfigError for a file to be refused."""
        path = Path(file).expanduser()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except FileExistsError:
            return cls(_read(path))
        except OSError as error:
            raise ConfigError(f"--token-file {file}: {error.strerror}") from None
        with os.fdopen(descriptor, "w", encoding="ascii") as new:
            token = cls.made()
            new.write(f"{token.text}\n")
        return token

    @property
    def cookie(self) -> str:
        """What the browser keeps."""
        return hmac.new(self.text.encode(), b"queuectl dashboard cookie", "sha256").hexdigest()

    def is_given_by(self, text: str) -> bool:
        """Whether a text is this token; takes as long for a near miss as for any other."""
        return hmac.compare_digest(self.text.encode(), text.encode())

    def is_cookie(self, text: str) -> bool:
        """Whether a text is the cookie that stands for this token."""
        return hmac.compare_digest(self.cookie.encode(), text.encode())


def _read(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            found = os.fstat(file.fileno())
            text = file.read(4096).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--token-file {path}: {getattr(error, 'strerror', None) or 'it holds no token'}") from None
    if hasattr(os, "getuid") and (
        found.st_uid not in {0, os.getuid()} or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ):
        raise ConfigError(f"--token-file {path}: others may read or write it", hint=f"chmod 600 {path}")
    if len(text) < SHORTEST or not text.isprintable() or " " in text:
        raise ConfigError(
            f"--token-file {path}: a token has at least {SHORTEST} characters and no space",
            hint="name a file that is not there yet: one with a good token is made",
        )
    return text
