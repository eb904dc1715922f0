"""Which settings are secrets, and how values are shown without them."""

from __future__ import annotations

import re
from typing import Any

MASK = "***"

_NAMES = re.compile(r"(?:pass(?:word|wd|phrase)?|secret|token|credentials?|dsn|(?:api|access|private)-?key)(?:$|-)")
_NOT_THEMSELVES = re.compile(r"-(?:file|path|env|name)$")
_IN_URL = re.compile(r"(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*:)[^\s/]*(?P<after>@)")
_IN_WORDS = re.compile(r"(?P<before>(?i:password|passwd|sslpassword)\s*=\s*)(?:'[^']*'|\S+)")


def is_secret(key: str) -> bool:
    """Whether a key names a secret; one that names the file that holds it does not."""
    name = key.lower().replace("_", "-")
    return _NAMES.search(name) is not None and _NOT_THEMSELVES.search(name) is None


def masked(key: str, value: Any) -> Any:
    """Return a value as it may be shown: a secret is masked, and in texts such as a DSN the password."""
    if isinstance(value, dict):
        return {name: masked(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(key, item) for item in value]
    if not isinstance(value, str) or not value:
        return value
    if is_secret(key) and not key.lower().endswith("dsn"):
        return MASK
    hidden = _IN_URL.sub(rf"\g<before>{MASK}\g<after>", value)
    return _IN_WORDS.sub(rf"\g<before>{MASK}", hidden)
