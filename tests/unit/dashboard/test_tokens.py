"""A token is kept where nobody else reads it."""

from __future__ import annotations

import hmac
import os
import stat
from pathlib import Path

import pytest

from queuectl import ConfigError
from queuectl_dashboard.tokens import Token


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    """For its owner alone; and then it is kept."""
    file = tmp_path / "token"
    token = Token.kept_in(str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Token.kept_in(str(file)) == token
    assert Token.kept_in(str(file)).cookie == token.cookie


def test_no_two_tokens_are_alike() -> None:
    """They are made by chance."""
    tokens = {Token.made().text for _ in range(100)}
    assert len(tokens) == 100 and all(len(token) >= 43 for token in tokens)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o602, 0o666])
def test_a_file_that_others_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Or write."""
    file = tmp_path / "token"
    file.write_text("x" * 43)
    file.chmod(mode)
    with pytest.raises(ConfigError, match="others may"):
        Token.kept_in(str(file))


@pytest.mark.parametrize("text", ["", "short", "x" * 31, "two words " * 9, "é" * 40])
def test_a_text_that_is_no_token_is_refused(tmp_path: Path, text: str) -> None:
    """Too short, with spaces, or not in letters that a header takes."""
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text(text)
    with pytest.raises(ConfigError):
        Token.kept_in(str(file))


def test_a_place_that_cannot_be_is_told(tmp_path: Path) -> None:
    """A folder that is missing, or a folder in the place of the file."""
    for place in (tmp_path / "missing" / "token", tmp_path):
        with pytest.raises(ConfigError):
            Token.kept_in(str(place))


def test_a_token_is_told_from_its_cookie() -> None:
    """Neither serves as the other."""
    token = Token.made()
    assert token.is_given_by(token.text) and not token.is_given_by(token.cookie)
    assert token.is_cookie(token.cookie) and not token.is_cookie(token.text)
    assert not token.is_given_by("é") and not token.is_cookie("")


def test_a_near_miss_takes_as_long_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are compared in constant time, so that nobody finds them a character at a time."""
    compared: list[bytes] = []
    real = hmac.compare_digest

    def spy(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return real(one, other)

    monkeypatch.setattr("queuectl_dashboard.tokens.hmac.compare_digest", spy)
    token = Token.made()
    assert not token.is_given_by(token.text[:-1]) and not token.is_cookie(token.cookie[:-1])
    assert compared == [token.text.encode(), token.cookie.encode()]


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    """Whoever laid it would choose where the token lies."""
    link = tmp_path / "token"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        Token.kept_in(str(link))
    assert not (tmp_path / "elsewhere").exists()
