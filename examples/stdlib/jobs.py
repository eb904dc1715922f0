"""Write the job file: a job for each module of the running Python's standard library.

Usage: python examples/stdlib/jobs.py [--out DIR] [PACKAGE ...] > jobs.jsonl

Each package also gets a job that adds up its modules. It stands before them, so that it comes too early at first, says
so with exit code 75 and succeeds on a retry. Modules that Python knows but this machine lacks (`winreg` on Linux) get
their job like any other: it ends in the dead letter queue. With PACKAGE names the file is cut down to those.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIBRARY = Path(sysconfig.get_path("stdlib"))
FOREIGN = {"site-packages", "dist-packages", "__pycache__"}
PYTHON = [sys.executable, "-E", "-S"]
"""Without looking for installed packages: the jobs need none, and start in half the time."""


def modules() -> list[str]:
    """Return the files of all modules, relative to the library, in an order that is the same each time."""
    source = (path.relative_to(LIBRARY) for path in LIBRARY.rglob("*.py"))
    compiled = (path.relative_to(LIBRARY) for path in LIBRARY.glob("lib-dynload/*.so"))
    ours = (path for path in (*source, *compiled) if FOREIGN.isdisjoint(path.parts))
    return sorted(path.as_posix() for path in ours if path.as_posix().isprintable() and len(path.as_posix()) < 100)


def missing(present: Iterable[str]) -> list[str]:
    """Return the files that modules would have which Python knows by name and this machine does not have."""
    known = {Path(module).parts[0].partition(".")[0] for module in present}
    compiled = {Path(module).name.partition(".")[0] for module in present}
    there = known | compiled | set(sys.builtin_module_names)
    absent = (name for name in sorted(sys.stdlib_module_names) if name not in there and not name.startswith("_frozen"))
    return [f"{name}.py" for name in absent]


def package_of(module: str) -> str:
    """Return the folder that a module is in."""
    return Path(module).parent.as_posix()


def jobs(files: Iterable[str], absent: Iterable[str], out: Path) -> Iterator[Mapping[str, Any]]:
    """Return the jobs: package by package the sum first, then its modules; at the end what is not there."""
    packages: dict[str, list[str]] = {}
    for module in files:
        packages.setdefault(package_of(module), []).append(module)
    for package, members in packages.items():
        yield total(package, len(members), out)
        yield from (squeeze(module, out) for module in members)
    yield from (squeeze(module, out, max_retries=1) for module in absent)


def squeeze(module: str, out: Path, **options: Any) -> Mapping[str, Any]:
    """Return the job that compresses a module."""
    command = [*PYTHON, str(HERE / "squeeze.py"), str(LIBRARY / module), str(out / f"{module}.json")]
    return {"id": module, "command": command, "tags": ["module"], "timeout": "60s", **options}


def total(package: str, count: int, out: Path) -> Mapping[str, Any]:
    """Return the job that adds a package up. Its modules are not done at first, and may take a while: many retries."""
    command = [*PYTHON, str(HERE / "total.py"), str(out / package), str(count)]
    backoff = {"plugin": "exponential", "base": 1.5, "max-delay": "5s"}
    return {"id": f"{package}/", "command": command, "tags": ["package"], "max_retries": 100, "backoff": backoff}


def job_file(out: Path, packages: Sequence[str] = ()) -> list[str]:
    """Return the lines of the job file: all packages, or only those that are named."""
    present = modules()
    chosen = [module for module in present if not packages or package_of(module) in packages]
    return [json.dumps(job) for job in jobs(chosen, missing(present), Path(os.path.abspath(out)))]


def main() -> None:
    """Write the file to standard output."""
    parser = argparse.ArgumentParser(description="Write the job file, one JSON object a line.")
    parser.add_argument("--out", type=Path, default=Path("out/stdlib/results"), help="where the jobs put their results")
    parser.add_argument(
        "packages", nargs="*", metavar="PACKAGE", help="only these packages, such as json; default: all"
    )
    options = parser.parse_args()
    print("\n".join(job_file(options.out, options.packages)))


if __name__ == "__main__":
    main()
