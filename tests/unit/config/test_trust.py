"""What others could have written is refused: whoever writes it runs commands as the worker."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from queuectl.config.trust import LONGEST, read_trusted, refuse_foreign, trust_directory
from queuectl.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file of our own."""
    path = tmp_path / "queuectl.yaml"
    path.write_bytes(b"jobs: {}\n")
    path.chmod(0o644)
    return path


def refusal(file: Path) -> str:
    """Read a file that must be refused."""
    with pytest.raises(ConfigError) as caught:
        read_trusted(file, "queuectl.yaml")
    return caught.value.message


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o644, 0o664])
def test_files_that_only_we_or_our_group_may_write_are_read(file: Path, mode: int) -> None:
    """A umask of 002 is common, and makes files that the group may write."""
    file.chmod(mode)
    assert read_trusted(file, "queuectl.yaml") == b"jobs: {}\n"


@pytest.mark.parametrize("mode", [0o606, 0o666, 0o602])
def test_a_file_that_everybody_may_write_is_refused(file: Path, mode: int) -> None:
    """The hint says how to mend it."""
    file.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        read_trusted(file, "queuectl.yaml")
    assert caught.value.message == "queuectl.yaml: everybody may write the configuration file"
    assert caught.value.hint == "chmod o-w queuectl.yaml"
    assert caught.value.exit_code == 78


def owned_by(file: Path, user: int) -> os.stat_result:
    """What the system would say if the file belonged to another user."""
    fields = list(file.stat())
    fields[stat.ST_UID] = user
    return os.stat_result(fields)


def test_a_file_of_somebody_else_is_refused(file: Path) -> None:
    """A file in a shared directory may have been laid there for us to find."""
    stranger = owned_by(file, os.geteuid() + 12345)
    with pytest.raises(ConfigError, match=r"queuectl\.yaml: the file belongs to user \d+, not to you or root"):
        refuse_foreign(stranger, "the file", "queuectl.yaml")


def test_files_of_ours_and_of_root_are_trusted(file: Path) -> None:
    """/etc/queuectl/queuectl.yaml belongs to root."""
    trusted = []
    for user in (os.geteuid(), 0, os.geteuid() + 12345):
        with suppress(ConfigError):
            refuse_foreign(owned_by(file, user), "the file", "queuectl.yaml")
            trusted.append(user)
    assert trusted == [os.geteuid(), 0]


def test_the_target_of_a_link_is_what_counts(file: Path, tmp_path: Path) -> None:
    """Links are followed, as they are by those who keep their configuration elsewhere."""
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    assert read_trusted(link, "link.yaml") == b"jobs: {}\n"
    file.chmod(0o666)
    with pytest.raises(ConfigError):
        read_trusted(link, "link.yaml")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A directory, and a pipe that would block for ever."""
    assert refusal(tmp_path) == "queuectl.yaml: is a directory, not a file"
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == "queuectl.yaml: is a pipe, socket or device, not a file"


def test_the_null_device_is_an_empty_file() -> None:
    """`QUEUECTL_CONFIG=/dev/null` is a way to ask for the defaults."""
    assert read_trusted(Path(os.devnull), os.devnull) == b""


def test_a_missing_target_is_an_error(tmp_path: Path) -> None:
    """The reason is the system's."""
    assert refusal(tmp_path / "gone") == "queuectl.yaml: cannot be read: No such file or directory"


def test_a_huge_file_is_refused(file: Path) -> None:
    """Nobody's configuration is that long; something else was named by mistake."""
    os.truncate(file, LONGEST + 1)
    assert "is longer than" in refusal(file)


def test_a_data_directory_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    """Even with the sticky bit: others could put a database there before we do."""
    for mode in (0o700, 0o755, 0o775):
        tmp_path.chmod(mode)
        trust_directory(tmp_path)
    for mode in (0o777, 0o1777):
        tmp_path.chmod(mode)
        with pytest.raises(ConfigError, match="everybody may write the data directory"):
            trust_directory(tmp_path)
    tmp_path.chmod(0o700)


def test_a_data_directory_that_is_not_there_is_nobody_elses(tmp_path: Path) -> None:
    """It is made when it is needed."""
    trust_directory(tmp_path / "later")
    assert not (tmp_path / "later").exists()


def test_a_file_in_the_place_of_the_data_directory_is_an_error(file: Path) -> None:
    """What is wrong is said once, before anything tries to write below it."""
    with pytest.raises(ConfigError, match="the data directory is a regular file"):
        trust_directory(file)
