"""Say what came out: how much the library shrinks, and one digest over all digests to compare runs by.

Usage: python examples/stdlib/report.py [RESULTS]
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any


def read(folder: Path) -> dict[str, Any]:
    """Return the results by module, in order."""
    paths = sorted(folder.rglob("*.json"))
    return {path.relative_to(folder).as_posix().removesuffix(".json"): json.loads(path.read_text()) for path in paths}


def digest(results: dict[str, Any]) -> str:
    """Return one digest over the names and digests of all modules."""
    lines = (f"{module} {result['sha256']} {result['compressed']}\n" for module, result in results.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def report(folder: Path) -> list[str]:
    """Return the lines of the report."""
    results = read(folder)
    packages = len(list(folder.rglob("total")))
    if not results:
        return [f"no results in {folder}"]
    size = sum(result["bytes"] for result in results.values())
    small = sum(result["compressed"] for result in results.values())
    large = {module: result["ratio"] for module, result in results.items() if result["bytes"] >= 1024}
    lines = [
        f"modules  {len(results):,} in {packages:,} packages",
        f"bytes    {size:,} compressed to {small:,}, {small / max(size, 1):.1%}",
    ]
    if large:
        best, worst = min(large, key=large.__getitem__), max(large, key=large.__getitem__)
        lines.append(f"best     {best}, {large[best]:.1%}")
        lines.append(f"worst    {worst}, {large[worst]:.1%}")
    return [*lines, f"digest   {digest(results)}"]


if __name__ == "__main__":
    print("\n".join(report(Path(sys.argv[1] if len(sys.argv) > 1 else "out/stdlib/results"))))
