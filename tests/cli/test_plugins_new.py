"""`queuectl plugins new` writes the project of a plugin, whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from queuectl.commands.scaffold.names import LONGEST, names_of
from queuectl.commands.scaffold.project import SUMMARIES, project_of, write_project
from queuectl.errors import ConflictError, UsageError
from queuectl.registry import BUILTINS

if TYPE_CHECKING:
    from tests.cli.conftest import Program

KINDS = sorted(BUILTINS)


def everything_in(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_is_written_where_it_was_asked_for(queuectl: Program, kind: str) -> None:
    """A directory of the name as it was typed; what is printed are the files, and what comes next is a message."""
    ran = queuectl("plugins", "new", "queuectl-mine", "--kind", kind, code=0)
    folder = queuectl.cwd / "queuectl-mine"
    assert {line.removeprefix("queuectl-mine/") for line in ran.out.splitlines()} == everything_in(folder)
    assert {"pyproject.toml", "README.md", ".gitignore", ".github/workflows/test.yml"} <= everything_in(folder)
    assert {"queuectl_mine/__init__.py", "queuectl_mine/py.typed", f"tests/test_{kind}.py"} <= everything_in(folder)
    assert "  cd queuectl-mine\n" in ran.err
    assert "  queuectl plugins check mine\n" in ran.err
    assert os.listdir(queuectl.cwd) == ["queuectl-mine"]


def test_the_names_follow_from_one(queuectl: Program) -> None:
    """The word in the YAML, the distribution, the package and the entry point."""
    told = queuectl("plugins", "new", "exact-waits", "--kind", "backoff", "--json", code=0).json
    folder = queuectl.cwd / "exact-waits"
    assert told | {"files": set(told["files"])} == {
        "name": "exact-waits",
        "kind": "backoff",
        "distribution": "queuectl-exact-waits",
        "package": "queuectl_exact_waits",
        "directory": str(folder),
        "files": everything_in(folder),
    }
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    assert project["project"]["name"] == "queuectl-exact-waits"
    assert project["project"]["dependencies"] == ["queuectl"]
    assert project["project"]["optional-dependencies"]["test"] == ["queuectl[testing]"]
    assert project["project"]["entry-points"]["queuectl"] == {"exact-waits": "queuectl_exact_waits"}


def test_a_directory_of_another_name_may_be_chosen(queuectl: Program) -> None:
    """The place is one thing, the name another."""
    queuectl("plugins", "new", "mine", "--kind", "notifier", "--directory", "elsewhere", code=0)
    assert (queuectl.cwd / "elsewhere" / "queuectl_mine" / "notifier.py").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_to_be_filled_in(kind: str) -> None:
    """No placeholder is left, and each file ends with a line's end."""
    for path, text in project_of(kind, names_of("mine")).items():
        assert "$" not in text.replace("${{ matrix.python }}", ""), path
        assert "PACKAGE" not in path
        assert text == "" or (text.endswith("\n") and not text.endswith("\n\n")), path


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_says_how_to_select_it(queuectl: Program, kind: str) -> None:
    """Its YAML is one that queuectl understands, but for the plugin, which is not installed yet."""
    readme = project_of(kind, names_of("mine"))["README.md"]
    _, _, rest = readme.partition("```yaml\n")
    (queuectl.cwd / "queuectl.yaml").write_text(rest.partition("```")[0])
    ran = queuectl("config", "validate", code=78)
    assert ran.err.count("error:") == 1
    assert f"no {kind} 'mine' is installed" in ran.err


@pytest.mark.parametrize("there", ["directory", "file", "link"])
def test_what_is_there_already_is_left_alone(queuectl: Program, there: str) -> None:
    """Be it a directory, a file or a link that leads nowhere."""
    place = queuectl.cwd / "mine"
    match there:
        case "directory":
            place.mkdir()
        case "file":
            place.write_text("mine")
        case _:
            place.symlink_to("nowhere")
    before = place.lstat()
    ran = queuectl("plugins", "new", "mine", "--kind", "backoff", code=4)
    assert ran.err == f"error: {place} exists already\nhint: --directory names another place\n"
    assert place.lstat() == before
    assert os.listdir(queuectl.cwd) == ["mine"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sqlite", "'sqlite' is the name of a built-in storage, and cannot be replaced"),
        ("queuectl-log", "'log' is the name of a built-in notifier, and cannot be replaced"),
        ("backoff", "'backoff' is taken: queuectl_backoff is a package of queuectl itself"),
        ("Fibo_nacci", "'Fibo_nacci' cannot be the name of a plugin"),
        ("../mine", "'../mine' cannot be the name of a plugin"),
        ("9to5", "'9to5' cannot be the name of a plugin"),
        ("mine-", "'mine-' cannot be the name of a plugin"),
        ("null", "'null' cannot be the name of a plugin: YAML has its own meaning for that word"),
        ("queuectl-true", "'true' cannot be the name of a plugin: YAML has its own meaning for that word"),
        ("false", "'false' cannot be the name of a plugin: YAML has its own meaning for that word"),
        ("", "'' cannot be the name of a plugin"),
        ("a\nb", "'a\\nb' cannot be the name of a plugin"),
        ("x" * (LONGEST + 1), f"'{'x' * (LONGEST + 1)}' is too long for the name of a plugin"),
    ],
)
def test_a_name_that_no_plugin_may_have_is_refused(name: str, reason: str) -> None:
    """In a line that says why."""
    with pytest.raises(UsageError) as caught:
        names_of(name)
    assert caught.value.message.startswith(reason)
    assert "\n" not in caught.value.message


def test_under_a_refused_name_nothing_is_written(queuectl: Program) -> None:
    """And a name that is nearly one has a remedy: capitals and underscores are what people type most."""
    ran = queuectl("plugins", "new", "Fibo_nacci", "--kind", "backoff", code=2)
    assert ran.err.endswith("\nhint: for instance fibo-nacci\n")
    assert os.listdir(queuectl.cwd) == []


def test_a_kind_must_be_named(queuectl: Program) -> None:
    """And must be one of the four; the error has them all, on one line."""
    ran = queuectl("plugins", "new", "mine", code=2)
    assert ran.err.startswith("error: missing option '--kind'. Choose from: backoff, executor, notifier, storage\n")
    assert "'backoff', 'executor', 'notifier', 'storage'" in queuectl("plugins", "new", "x", "--kind", "y", code=2).err


def test_there_must_be_a_place(queuectl: Program) -> None:
    """A directory that is not there is a slip more often than a wish."""
    ran = queuectl("plugins", "new", "mine", "--kind", "backoff", "--directory", "no/where", code=2)
    assert ran.err.startswith("error: there is no directory ")
    assert os.listdir(queuectl.cwd) == []


def test_nothing_half_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a disk that is full in the middle, then neither the project nor anything beside it is there."""
    project = project_of("backoff", names_of("mine"))
    real, left = Path.write_text, [3]

    def write_text(path: Path, text: str, **options: Any) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, text, **options)

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(OSError, match="No space left") as caught:
        write_project(project, tmp_path / "mine")
    assert caught.value.filename == str(tmp_path / "mine")
    assert os.listdir(tmp_path) == []


def test_of_two_that_write_to_one_place_the_second_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a directory that somebody fills meanwhile, then it stays as they made it."""
    real = os.rename

    def rename(source: Path, target: Path) -> None:
        target.mkdir()
        (target / "theirs").touch()
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(ConflictError):
        write_project(project_of("backoff", names_of("mine")), tmp_path / "mine")
    assert everything_in(tmp_path) == {"mine/theirs"}


def test_the_files_have_the_modes_of_any_new_file(tmp_path: Path) -> None:
    """As the umask says, not those of the private place where they were written."""
    (tmp_path / "any").mkdir()
    write_project(project_of("backoff", names_of("mine")), tmp_path / "mine")
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == stat.S_IMODE((tmp_path / "any").stat().st_mode)


def test_every_kind_has_an_example() -> None:
    """A kind of plugin that is added later is not forgotten here."""
    assert sorted(SUMMARIES) == KINDS
