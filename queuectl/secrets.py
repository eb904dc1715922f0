"""Which names are those of secrets, and how values are shown without them.

A name is taken apart into words. When in doubt a value is masked: whoever needs it asks for it by its own key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePath
from typing import Any

MASK = "***"

_WORDS = frozenset(
    {"auth", "authorization", "bearer", "cookie", "cookies", "cred", "creds", "dsn", "jwt", "key", "keys"}
)
"""Words that make a secret of a name, wherever they stand in it."""

_BEHIND = frozenset({"pass", "pw", "pwd", "tokens"})
"""Words that do so behind another: `DB_PWD`, while `PWD` is a directory."""

_WITHIN = re.compile(
    r"passw(?:or)?d|passphrase|passcode|passfile|secret|credential|(?:api|access|auth|encryption|private|signing)key"
)
"""Parts of words that do so, as in `PGPASSWORD` and `apikey`."""

_ENDS = re.compile(r"(?:token|(?<!com)(?<!by)(?<!tres)(?<!over)(?<!under)pass)$")
"""Ends of words that do so, as in `accesstoken` and `SSHPASS`; a `tokenizer` is none."""

_HARMLESS = frozenset(
    {"dir", "env", "file", "lifetime", "limit", "method", "mode", "name", "path", "prefix", "size", "sock"}
    | {"timeout", "ttl", "type", "url"}
)
"""Last words after which a name is of something about a secret, such as the file that holds it."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_DIGITS = r"(?!\d{1,5}(?:[/?#\s]|$))"  # a port, no password
_IN_URL = re.compile(rf"(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^\s:/?#@]*:)(?:[^\s/?#]*|{_DIGITS}\S*)(?P<after>@)")
_IN_WORDS = re.compile(
    r"(?P<before>(?i:pass(?:word|wd|phrase)|\bpwd|secret|token|api[-_]?key|access[-_]?key)\s*=\s*)"
    r"""(?:'(?:[^'\\]|\\.)*'|"[^"]*"|(?:\\.|[^\s&\\])+(?:&(?![\w.-]+=)[^\s&]*)*)"""
)


@lru_cache(maxsize=1024)
def is_secret(key: str) -> bool:
    """Whether a name is that of a secret; one that names the file that holds it is not."""
    words = [word.lower() for word in _WORD.findall(key)]
    if not words or (len(words) > 1 and words[-1] in _HARMLESS):
        return False
    if not _WORDS.isdisjoint(words) or not _BEHIND.isdisjoint(words[1:]) or words == ["pass"]:
        return True
    joined = "".join(words)
    return _WITHIN.search(joined) is not None or any(_ENDS.search(word) for word in words)


def masked(key: str, value: Any) -> Any:
    """Return a value as it may be shown: a secret is masked, and in texts such as a DSN the password.

    Below a name that is a secret's everything is one.
    """
    if isinstance(value, Mapping):
        hidden = is_secret(key)
        return {name: masked(key if hidden else str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(key, item) for item in value]
    if value is None or isinstance(value, bool | PurePath) or value == "":
        return value
    if is_secret(key) and not _is_dsn(key, value):
        return MASK
    return without_passwords(value) if isinstance(value, str) else value


def without_passwords(text: str) -> str:
    """Return a text without the passwords of the URLs and connection strings in it."""
    hidden = _IN_URL.sub(rf"\g<before>{MASK}\g<after>", text)
    return _IN_WORDS.sub(rf"\g<before>{MASK}", hidden)


def _is_dsn(key: str, value: object) -> bool:
    """Whether a secret is one of which all but the password helps to understand it."""
    return key.lower().endswith("dsn") and isinstance(value, str) and ("://" in value or "=" in value)
