"""Secrets are not shown unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl.secrets import MASK, is_secret, masked


@pytest.mark.parametrize(
    "key",
    [
        *("password", "smtp-password", "PGPASSWORD", "DBPASSWORD", "PASSPHRASE", "PASSPHRASE2", "passwd", "passcode"),
        *("pass", "DB_PASS", "SSHPASS", "db_pass1", "MYSQL_PWD", "DB_PW", "PGPASSFILE"),
        *(
            "STRIPE_KEY",
            "API_KEY",
            "API_KEY_2",
            "apiKey",
            "X-Api-Key",
            "APIKEY2",
            "SSH_PRIVATE_KEY_BASE64",
            "KEY",
            "key",
        ),
        *(
            "token",
            "auth-token",
            "accessToken",
            "authtoken",
            "GH_TOKENS",
            "TOKEN_1",
            "secret",
            "secret_id",
            "VAULT_SECRET",
        ),
        *(
            "CREDENTIALS",
            "GOOGLE_CREDENTIALS",
            "creds",
            "COOKIE",
            "session-cookies",
            "AUTH",
            "BASIC_AUTH",
            "Authorization",
        ),
        *("DSN", "sentry_dsn", "jwt", "Bearer"),
    ],
)
def test_names_of_secrets_are_known(key: str) -> None:
    """A key that names a secret is one, however it is spelled."""
    assert is_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        *("token-file", "password_path", "KEY_FILE", "SSH_AUTH_SOCK", "key-prefix", "token-lifetime", "AUTH_TYPE"),
        *("PATH", "PWD", "OLDPWD", "KEYBOARD", "MONKEY", "HOCKEY", "keystone", "PASSAGE", "passenger", "PASSIVE"),
        *("COMPASS", "BYPASS", "AUTHOR", "authority", "tokens-per-second", "tokenizer", "COOKIECUTTER", "max-retries"),
        *("url", "user", "HOME", "", "_", "42"),
    ],
)
def test_other_names_are_no_secrets(key: str) -> None:
    """What only sounds like a secret is none, nor what names where one lies."""
    assert not is_secret(key)


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("password", "hunter2", MASK),
        ("password", None, None),
        ("password", "", ""),
        ("password", 1234, MASK),
        ("password", False, False),
        ("password", ["a", "b"], [MASK, MASK]),
        ("password", Path("file"), Path("file")),
        ("credentials", {"user": "u", "pin": 3}, {"user": MASK, "pin": MASK}),
        ("timeout", 3, 3),
        ("dsn", "hunter2", MASK),
        ("dsn", "postgres://u:p/s#s@db/jobs", f"postgres://u:{MASK}@db/jobs"),
        ("dsn", "postgres://u:hunter2@a,b:5432/jobs?x=y@z", f"postgres://u:{MASK}@a,b:5432/jobs?x=y@z"),
        ("dsn", "host=db password=a&b user=u", f"host=db password={MASK} user=u"),
        ("dsn", 'host=db password="hunter 2" user=u', f"host=db password={MASK} user=u"),
        ("url", "https://x.org/?token=hunter2&page=3", f"https://x.org/?token={MASK}&page=3"),
        ("url", "https://x.org/?api_key=hunter2", f"https://x.org/?api_key={MASK}"),
        ("url", "https://example.org:8080/x?mail=a@b", "https://example.org:8080/x?mail=a@b"),
        ("text", "first a://b:hunter2@c, then d://e:hunter2@f", f"first a://b:{MASK}@c, then d://e:{MASK}@f"),
        ("dsn", "postgres://u:hunter2@db/jobs", f"postgres://u:{MASK}@db/jobs"),
        ("dsn", "postgres://u:p@ss@db/jobs", f"postgres://u:{MASK}@db/jobs"),
        ("dsn", "host=db password=hunter2 user=u", f"host=db password={MASK} user=u"),
        ("dsn", "host=db password='hunter 2' user=u", f"host=db password={MASK} user=u"),
        ("dsn", r"host=db password='hunt\'er 2' user=u", f"host=db password={MASK} user=u"),
        ("dsn", r"host=db password=hunt\ er\'2 user=u", f"host=db password={MASK} user=u"),
        ("url", "redis://:hunter2@cache/0", f"redis://:{MASK}@cache/0"),
        ("url", "https://example.org:8080/x", "https://example.org:8080/x"),
        ("headers", {"token": "t", "accept": "json"}, {"token": MASK, "accept": "json"}),
        ("notifications", [{"plugin": "mail", "password": "p"}], [{"plugin": "mail", "password": MASK}]),
    ],
)
def test_values_are_shown_without_their_secrets(key: str, value: object, shown: object) -> None:
    """What helps to understand a setting stays, the secret in it goes."""
    assert masked(key, value) == shown
