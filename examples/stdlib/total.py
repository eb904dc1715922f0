"""Add up the results of one package's modules.

Usage: python examples/stdlib/total.py FOLDER COUNT

Exits with 75 (EX_TEMPFAIL) while fewer than COUNT modules have their result: another time it may be right.
"""

import json
import os
import sys

from squeeze import write_whole

EX_TEMPFAIL = 75
TOTAL = "total"
"""The name of the sum, which no module's result has: those end in .json."""


def results(folder: str) -> list[str]:
    """Return the results that lie in a folder."""
    try:
        return sorted(entry.path for entry in os.scandir(folder) if entry.name.endswith(".json"))
    except FileNotFoundError:
        return []


def main(folder: str, count: str) -> int:
    """Add up, or ask for another time."""
    paths = results(folder)
    if len(paths) < int(count):
        print(f"{len(paths)} of {count} modules are done", file=sys.stderr)
        return EX_TEMPFAIL
    sums = {"modules": len(paths), "bytes": 0, "compressed": 0}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        sums["bytes"] += result["bytes"]
        sums["compressed"] += result["compressed"]
    write_whole(os.path.join(folder, TOTAL), json.dumps(sums) + "\n")
    print(f"{sums['modules']} modules, {sums['bytes']} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
