"""Files and directories that are nobody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from queuectl.engine.files import create_output, make_private_directory, read_tail
from queuectl.errors import ConfigError, StorageError


def test_a_directory_is_made_with_its_parents_for_its_owner_alone(tmp_path: Path) -> None:
    """Made again it stays as it is."""
    path = tmp_path / "home" / "run"
    make_private_directory(path)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    path.chmod(0o750)
    make_private_directory(path)
    assert path.stat().st_mode & 0o777 == 0o750


def test_a_directory_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    """The hint mends it."""
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match="everybody may write") as caught:
        make_private_directory(tmp_path)
    assert caught.value.hint == f"chmod o-w {tmp_path}"


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for root's."""
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:
        os.chown(tmp_path, 12345, -1)
    with pytest.raises(ConfigError, match="belongs to another user"):
        make_private_directory(tmp_path)


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("/tmp")])
def test_what_is_no_directory_is_refused(tmp_path: Path, make: object) -> None:
    """A link to one is none either: it may lead anywhere tomorrow."""
    path = tmp_path / "run"
    make(path)  # type: ignore[operator]
    with pytest.raises((StorageError, ConfigError)):
        make_private_directory(path)


def test_what_cannot_be_made_is_told(tmp_path: Path) -> None:
    """With the reason, and the place where it fails."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot create directory .*/file: File exists$"):
        make_private_directory(tmp_path / "file" / "run")


def test_an_output_is_new_and_only_grows(tmp_path: Path) -> None:
    """Nothing that is there is opened, not even through a link."""
    descriptor = create_output(tmp_path / "out")
    os.write(descriptor, b"one")
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, b"two")
    os.close(descriptor)
    assert (tmp_path / "out").read_bytes() == b"onetwo"
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("out", "link"):
        with pytest.raises(FileExistsError):
            create_output(tmp_path / name)


@pytest.mark.parametrize(("length", "tail"), [(3, b"llo"), (5, b"hello"), (50, b"hello"), (0, b"")])
def test_the_end_of_a_file_is_read_with_its_size(tmp_path: Path, length: int, tail: bytes) -> None:
    """All of it where it is shorter."""
    (tmp_path / "out").write_bytes(b"hello")
    assert read_tail(tmp_path / "out", length) == (tail, 5)


def test_a_file_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    """No error."""
    assert read_tail(tmp_path / "out", 5) == (b"", 0)
