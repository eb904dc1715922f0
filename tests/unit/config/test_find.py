"""One file is read, the first there is, in the order that scripts rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl.config.find import SYSTEM, Places
from queuectl.errors import ConfigError


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    """The current directory."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def touch(file: Path) -> Path:
    """Make an empty file, and its directories."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


def test_the_order_is_flag_variable_here_data_user_system(tmp_path: Path, cwd: Path) -> None:
    """Each place is looked at only when those before it have no file."""
    environ = {
        "QUEUECTL_CONFIG": str(tmp_path / "named.yaml"),
        "QUEUECTL_HOME": str(tmp_path / "data"),
        "XDG_CONFIG_HOME": str(tmp_path / "xdg"),
    }
    places = Places.here(environ, cwd)
    expected = [
        tmp_path / "flag.yaml",
        tmp_path / "named.yaml",
        cwd / "queuectl.yaml",
        tmp_path / "data" / "queuectl.yaml",
        tmp_path / "xdg" / "queuectl" / "queuectl.yaml",
        Path("/etc/queuectl/queuectl.yaml"),
    ]
    assert [candidate.path for candidate in places.candidates(tmp_path / "flag.yaml")] == expected
    for file in expected[:-1]:
        touch(file)
    assert places.find(tmp_path / "flag.yaml") == next(places.candidates(tmp_path / "flag.yaml"))
    del environ["QUEUECTL_CONFIG"]
    for file in expected[2:-1]:
        found = places.find()
        assert found is not None
        assert found.path == file
        file.unlink()


@pytest.mark.parametrize(("flag", "variable"), [("no.yaml", None), (None, "no.yaml")])
def test_a_named_file_must_be_there(cwd: Path, flag: str | None, variable: str | None) -> None:
    """A file that was named and is not there is an error, and no other file is read in its place."""
    touch(cwd / "queuectl.yaml")
    places = Places.here({"QUEUECTL_CONFIG": variable} if variable else {}, cwd)
    with pytest.raises(ConfigError, match=r"(--config|QUEUECTL_CONFIG) names a file that is not there: no\.yaml"):
        places.find(flag)


def test_empty_variables_count_as_unset(cwd: Path, tmp_path: Path) -> None:
    """`QUEUECTL_CONFIG= queuectl …` is the way to unset it for one call."""
    environ = {
        "QUEUECTL_CONFIG": "",
        "QUEUECTL_HOME": "",
        "XDG_CONFIG_HOME": "",
        "XDG_STATE_HOME": "",
        "HOME": str(tmp_path),
    }
    places = Places.here(environ, cwd)
    assert [each.path for each in places.candidates()] == [
        cwd / "queuectl.yaml",
        tmp_path / ".config" / "queuectl" / "queuectl.yaml",
        SYSTEM,
    ]
    assert places.data() == tmp_path / ".local" / "state" / "queuectl"


def test_an_empty_flag_is_an_error(cwd: Path) -> None:
    """A script whose variable was empty did not mean the defaults."""
    with pytest.raises(ConfigError, match="--config names no file"):
        Places.here({}, cwd).find("")


def test_relative_xdg_directories_are_passed_over(cwd: Path, tmp_path: Path) -> None:
    """The XDG specification says so."""
    places = Places.here({"XDG_STATE_HOME": "state", "HOME": str(tmp_path)}, cwd)
    assert places.data() == tmp_path / ".local" / "state" / "queuectl"


def test_data_lies_in_queuectl_home_else_in_the_state_directory(cwd: Path, tmp_path: Path) -> None:
    """QUEUECTL_HOME is the data directory itself; below XDG_STATE_HOME it has a name of its own."""
    xdg = {"XDG_STATE_HOME": str(tmp_path / "state")}
    assert Places.here(xdg, cwd).data() == tmp_path / "state" / "queuectl"
    assert Places.here(xdg | {"QUEUECTL_HOME": str(tmp_path / "data")}, cwd).data() == tmp_path / "data"
    assert Places.here({"QUEUECTL_HOME": "here"}, cwd).data() == cwd / "here"


def test_the_users_file_is_never_in_the_current_directory(cwd: Path, tmp_path: Path) -> None:
    """Where a new file is made is the user's place, however the command was called."""
    assert Places.here({"QUEUECTL_HOME": str(tmp_path)}, cwd).user_file() == tmp_path / "queuectl.yaml"
    assert Places.here({"HOME": "/h"}, cwd).user_file() == Path("/h/.config/queuectl/queuectl.yaml")


def test_without_a_current_directory_the_other_places_serve(tmp_path: Path) -> None:
    """A directory that was removed under a shell stops nobody; only relative paths cannot be meant."""
    file = touch(tmp_path / "queuectl.yaml")
    places = Places({"QUEUECTL_HOME": str(tmp_path)}, None)
    found = places.find()
    assert found is not None
    assert found.path == file
    with pytest.raises(ConfigError, match="the current directory no longer exists"):
        places.find("relative.yaml")


def test_without_home_and_user_an_error_says_what_to_set(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the number of the user may have no name and no home."""

    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", nobody)
    places = Places.here({}, cwd)
    assert places.find() is None or not str(places.find()).startswith(str(cwd))
    with pytest.raises(ConfigError) as caught:
        places.data()
    assert caught.value.hint == "set QUEUECTL_HOME to a directory"


def test_without_the_variable_home_the_user_database_knows(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cron and systemd may leave HOME out."""

    class Entry:
        pw_dir = "/home/somebody"

    monkeypatch.setattr("pwd.getpwuid", lambda number: Entry)
    assert Places.here({}, cwd).data() == Path("/home/somebody/.local/state/queuectl")


def test_a_dangling_link_is_not_passed_over(cwd: Path) -> None:
    """A link that leads nowhere is a broken configuration, not the absence of one."""
    (cwd / "queuectl.yaml").symlink_to("gone.yaml")
    found = Places.here({}, cwd).find()
    assert found is not None
    assert found.path == cwd / "queuectl.yaml"


@pytest.mark.parametrize(
    ("path", "absolute"),
    [("/a/b", "/a/b"), ("a/../b", "{cwd}/a/../b"), ("~/a", "/h/a"), ("~", "/h"), ("a~", "{cwd}/a~")],
)
def test_paths_become_absolute(cwd: Path, path: str, absolute: str) -> None:
    """`~` is the home directory, `..` is left to the kernel since a directory may be a link."""
    places = Places.here({"HOME": "/h"}, cwd)
    assert places.absolute(path, "test") == Path(absolute.format(cwd=cwd))
