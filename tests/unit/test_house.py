"""The house stays in order: what is written down twice agrees, and names, sizes and walls are as agreed."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import queuectl
from queuectl.registry import BUILTINS, COMMANDS

ROOT = Path(__file__).parents[2]
SOURCE = ("queuectl", "plugins")
LONGEST_FILE = 400
LONGEST_TEST_FILE = 500
LONGEST_FUNCTION = 60
MEANINGLESS = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "base", "data", "info", "handle"}


def python_files(*folders: str) -> list[Path]:
    """Every Python file below these folders."""
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert files
    return files


def named(path: Path) -> str:
    """The path as a person would say it."""
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def project() -> Any:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_plugin_folder_is_a_package_of_the_wheel(project: Any) -> None:
    """A plugin that is added to the folder is shipped, and what is shipped is there."""
    folders = {f"plugins/{path.name}" for path in (ROOT / "plugins").iterdir() if path.name.startswith("queuectl_")}
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) == {"queuectl", *folders}
    assert len(packages) == len(set(packages))


def test_the_table_of_built_in_plugins_is_the_list_of_entry_points(project: Any) -> None:
    """The registry's table saves a look at the entry points; it must say the same."""
    table = {name: module for names in (*BUILTINS.values(), COMMANDS) for name, module in names.items()}
    points = project["project"]["entry-points"]["queuectl"]
    assert table == points
    assert {f"plugins/{module}" for module in points.values()} <= {named(path) for path in (ROOT / "plugins").iterdir()}


def test_the_tools_know_every_plugin(project: Any) -> None:
    """Contracts, sorting and coverage speak of all plugins, not of those that were there when they were written."""
    plugins = {path.name for path in (ROOT / "plugins").iterdir() if path.name.startswith("queuectl_")}
    tool = project["tool"]
    contracts = {contract["name"]: contract for contract in tool["importlinter"]["contracts"]}
    assert {"queuectl", *plugins} == set(tool["importlinter"]["root_packages"])
    assert {"queuectl", *plugins} == set(tool["coverage"]["run"]["source_pkgs"])
    assert {"queuectl", *plugins} == set(tool["ruff"]["lint"]["isort"]["known-first-party"])
    for name in ("The core imports no plugin, but by name through the registry", "Plugins know nothing of each other"):
        contract = contracts[name]
        assert plugins == set(contract.get("forbidden_modules") or contract["modules"])
    assert plugins == set(contracts["Plugins import what queuectl exports, and nothing inside it"]["source_modules"])


def test_plugins_may_import_nothing_inside_the_core(project: Any) -> None:
    """The contract names every module of the core, also one that was added later."""
    modules = {f"queuectl.{path.stem}" for path in (ROOT / "queuectl").iterdir() if not path.name.startswith("_")}
    modules.discard("queuectl.py")  # the marker of typed packages
    contracts = {contract["name"]: contract for contract in project["tool"]["importlinter"]["contracts"]}
    assert modules == set(contracts["Plugins import what queuectl exports, and nothing inside it"]["forbidden_modules"])


def test_there_is_one_version(project: Any) -> None:
    """The package, its metadata and the changelog agree."""
    version = project["project"]["version"]
    assert queuectl.__version__ == version
    assert re.search(rf"^## \[{re.escape(version)}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_readme_has_two_commands() -> None:
    """The first sets up and runs the main job, the second sets up and passes all the tests: CI runs that one."""
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^```sh\n(python3 -m venv [^\n]*)\n```$", readme, re.MULTILINE)
    assert commands == re.findall(r"^python3 -m venv .*$", readme, re.MULTILINE)
    run, test = commands
    assert "pip install" in run
    assert (ROOT / run.split()[-1]).is_file()
    assert test.endswith("tox run")
    assert "sed -n 2p" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("package", ["queuectl", *sorted(path.name for path in (ROOT / "plugins").glob("queuectl_*"))])
def test_every_package_is_typed(package: str) -> None:
    """Type checkers of other projects read our annotations only beside the marker."""
    folder = ROOT / package if package == "queuectl" else ROOT / "plugins" / package
    assert (folder / "py.typed").is_file()


def test_plugins_are_packages_of_their_own() -> None:
    """A package named plugins would put the built-in ones in another form than a third party's."""
    assert not (ROOT / "plugins" / "__init__.py").exists()


def test_names_say_something() -> None:
    """A module is named by the concept it holds."""
    assert [named(path) for path in python_files(*SOURCE, "tests") if path.stem.lstrip("_") in MEANINGLESS] == []


def test_files_are_short() -> None:
    """A file that has grown too long holds a concept that wants its own module."""
    limits = ((SOURCE, LONGEST_FILE), (("tests", "examples", "benchmarks"), LONGEST_TEST_FILE))
    lengths = {
        named(path): (len(path.read_text().splitlines()), limit)
        for folders, limit in limits
        for path in python_files(*folders)
    }
    assert {name: length for name, (length, limit) in lengths.items() if length > limit} == {}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function in a module, also those inside others."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_functions_are_short() -> None:
    """A function that does not fit a screen does more than one thing."""
    long = [
        f"{named(path)}:{function.lineno} {function.name}"
        for path in python_files(*SOURCE)
        for function in functions(ast.parse(path.read_text()))
        if length_of(function) > LONGEST_FUNCTION
    ]
    assert long == []


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """Whether an except clause takes any error and does not raise it again."""
    caught = handler.type.id if isinstance(handler.type, ast.Name) else None
    broad = handler.type is None or caught in {"Exception", "BaseException"}
    raises = any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))
    return broad and not raises


def test_every_wall_says_that_it_is_one() -> None:
    """Only at a wall may any error be caught: the comment there says what it keeps out."""
    silent = []
    for path in python_files(*SOURCE):
        lines = path.read_text().splitlines()
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.ExceptHandler) and catches_everything(node):
                nearby = " ".join(lines[node.lineno - 2 : node.lineno + 1])
                if not re.search(r"#.*\bwalls?\b", nearby):
                    silent.append(f"{named(path)}:{node.lineno}")
    assert silent == []


def test_nothing_is_left_for_later() -> None:
    """What is not done is in no file."""
    mark = re.compile(r"#.*\b(?:TODO|FIXME|XXX|HACK)\b")
    left = [
        f"{named(path)}:{number}"
        for path in python_files(*SOURCE, "tests", "examples", "benchmarks")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if path != Path(__file__) and mark.search(line)
    ]
    assert left == []


def test_every_ignored_rule_has_its_reason() -> None:
    """Whoever ignores a rule of the linter says why."""
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    bare = [line for line in lines if re.match(r'\s+"[A-Z]+\d*",\s*$', line)]
    assert bare == []


def test_every_silenced_error_has_its_name() -> None:
    """A type error or a rule is silenced by name, never wholesale."""
    wholesale = re.compile(r"#\s*(?:type:\s*ignore(?!\[)|noqa(?!:\s*[A-Z]))")
    found = [
        f"{named(path)}:{number}"
        for path in python_files(*SOURCE, "tests", "examples", "benchmarks")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if path != Path(__file__) and wholesale.search(line)
    ]
    assert found == []
