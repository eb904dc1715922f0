"""A configuration file is written whole or not at all, by one at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from queuectl.config.save import _replace, create, rewrite
from queuectl.config.trust import read_open
from queuectl.errors import ConfigError, QueuectlError, StorageBusyError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file."""
    path = tmp_path / "queuectl.yaml"
    path.write_bytes(b"old")
    path.chmod(0o640)
    return path


def test_the_bytes_are_replaced_and_the_mode_is_kept(file: Path) -> None:
    """A reader sees the old file or the new one, never half of it."""
    inode = file.stat().st_ino
    rewrite(file, lambda old: old + b" and new")
    assert file.read_bytes() == b"old and new"
    assert file.stat().st_mode & 0o777 == 0o640
    assert file.stat().st_ino != inode
    assert list(file.parent.iterdir()) == [file]


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    """Many keep their configuration in a repository and link to it."""
    link = tmp_path / "elsewhere" / "link.yaml"
    link.parent.mkdir()
    link.symlink_to(file)
    rewrite(link, lambda old: b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"


def test_nothing_is_written_when_nothing_changes(file: Path) -> None:
    """The file's time tells when it was changed last."""
    before = file.stat()
    rewrite(file, lambda old: old)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_error_leaves_the_file_as_it_was(file: Path) -> None:
    """And no temporary file beside it."""

    def fail(old: bytes) -> bytes:
        raise ConfigError("no")

    with pytest.raises(ConfigError):
        rewrite(file, fail)
    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_everybody_may_write_is_not_changed(file: Path) -> None:
    """It would then look as if it were ours."""
    file.chmod(0o666)
    with pytest.raises(ConfigError, match="everybody may write"):
        rewrite(file, lambda old: b"new")
    assert file.read_bytes() == b"old"


def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path) -> None:
    """For root a rename over a device succeeds, and takes the device from the whole machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(ConfigError, match="is a pipe, socket or device, not a file"):
        rewrite(pipe, lambda old: b"new")
    with pytest.raises(FileExistsError):
        create(pipe, b"new")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_the_last_step_looks_once_more_at_what_it_replaces(tmp_path: Path) -> None:
    """Also when reading let it pass: the null device may be read as an empty file, and must not be written."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(ConfigError, match="is not a regular file"):
        _replace(pipe, b"new", pipe.stat())
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_the_null_device_is_no_file_to_write() -> None:
    """It is opened here for reading only, and nothing is ever asked to replace it."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    try:
        with pytest.raises(ConfigError, match="is a pipe, socket or device, not a file"):
            read_open(descriptor, "/dev/null")
    finally:
        os.close(descriptor)


def test_a_directory_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    """The system's reason is enough."""
    with pytest.raises(QueuectlError, match="cannot be written: No such file or directory"):
        rewrite(tmp_path / "gone" / "queuectl.yaml", lambda old: b"new")


def test_a_full_disk_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is half-written."""

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(QueuectlError, match="No space left on device"):
        rewrite(file, lambda old: b"new")
    with pytest.raises(QueuectlError, match="No space left on device"):
        create(file.with_name("other.yaml"), b"new")
    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]


def test_a_new_file_is_private_and_so_is_its_directory(tmp_path: Path) -> None:
    """A password may come to stand in it."""
    file = tmp_path / "config" / "queuectl" / "queuectl.yaml"
    create(file, b"new")
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_where_there_are_no_links_a_new_file_is_renamed_into_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems have none; a file that is there is left alone on those too."""

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    file = tmp_path / "queuectl.yaml"
    create(file, b"new")
    with pytest.raises(FileExistsError):
        create(file, b"newer")
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("link", [False, True])
def test_a_file_that_is_there_is_not_made_again(file: Path, tmp_path: Path, link: bool) -> None:
    """Not even where a link leads nowhere."""
    target = file
    if link:
        target = tmp_path / "dangling.yaml"
        target.symlink_to(tmp_path / "gone")
    with pytest.raises(FileExistsError):
        create(target, b"new")
    assert file.read_bytes() == b"old"
    assert not (tmp_path / "gone").exists()


def test_a_lock_that_is_never_given_back_is_waited_for_no_longer_than_a_while(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have been stopped in the middle."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder.stdin, holder.stdout:
        assert holder.stdout.readline() == "locked\n"
        monkeypatch.setattr("queuectl.config.save.PATIENCE", 0.05)
        with pytest.raises(StorageBusyError) as caught:
            rewrite(file, lambda old: b"new")
        assert caught.value.exit_code == 75
        assert file.read_bytes() == b"old"
    assert holder.wait() == 0
    rewrite(file, lambda old: b"new")


HOLDER = """
import fcntl, sys

with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.read()
"""

PROGRAM = """
import sys
from pathlib import Path
from queuectl.config.save import rewrite

for number in range(20):
    rewrite(Path(sys.argv[1]), lambda old: old + f"{sys.argv[2]} {number}\\n".encode())
"""


def test_writers_at_the_same_time_lose_nothing(file: Path) -> None:
    """Each begins from what the one before it wrote."""
    file.write_bytes(b"")
    writers = [subprocess.Popen([sys.executable, "-c", PROGRAM, str(file), name]) for name in ("a", "b", "c")]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    lines = file.read_text().splitlines()
    assert sorted(lines) == sorted(f"{name} {number}" for name in "abc" for number in range(20))
    assert os.listdir(file.parent) == [file.name]
