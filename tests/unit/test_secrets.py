"""Secrets are not shown unasked."""

from __future__ import annotations

import pytest

from queuectl.secrets import MASK, is_secret, masked


@pytest.mark.parametrize(
    "key", ["password", "smtp-password", "API_KEY", "token", "auth-token", "secret", "dsn", "secret_key"]
)
def test_names_of_secrets_are_known(key: str) -> None:
    """A key that names a secret is one, however it is spelled."""
    assert is_secret(key)


@pytest.mark.parametrize("key", ["token-file", "password_path", "path", "tokens-per-second", "max-retries", "key"])
def test_other_names_are_no_secrets(key: str) -> None:
    """What only names where a secret lies is none."""
    assert not is_secret(key)


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("password", "hunter2", MASK),
        ("password", None, None),
        ("password", "", ""),
        ("dsn", "postgres://u:hunter2@db/jobs", f"postgres://u:{MASK}@db/jobs"),
        ("dsn", "postgres://u:p@ss@db/jobs", f"postgres://u:{MASK}@db/jobs"),
        ("dsn", "host=db password=hunter2 user=u", f"host=db password={MASK} user=u"),
        ("dsn", "host=db password='hunter 2' user=u", f"host=db password={MASK} user=u"),
        ("url", "redis://:hunter2@cache/0", f"redis://:{MASK}@cache/0"),
        ("url", "https://example.org:8080/x", "https://example.org:8080/x"),
        ("headers", {"token": "t", "accept": "json"}, {"token": MASK, "accept": "json"}),
        ("notifications", [{"plugin": "mail", "password": "p"}], [{"plugin": "mail", "password": MASK}]),
    ],
)
def test_values_are_shown_without_their_secrets(key: str, value: object, shown: object) -> None:
    """What helps to understand a setting stays, the secret in it goes."""
    assert masked(key, value) == shown
