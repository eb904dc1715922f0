"""Compress one file and write down its digest and how small it became.

Usage: python examples/stdlib/squeeze.py FILE RESULT

Exits with 66 (EX_NOINPUT) when FILE is not there. RESULT appears whole or not at all, whenever this is killed.
"""

import hashlib
import json
import os
import sys
import zlib

EX_NOINPUT = 66


def squeeze(content: bytes) -> dict[str, object]:
    """Return what there is to say about a file's content."""
    small = zlib.compress(content, 9)
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "compressed": len(small),
        "ratio": round(len(small) / max(len(content), 1), 4),
    }


def write_whole(path: str, text: str) -> None:
    """Write a file under another name and rename it: two that do so at once both leave a whole file."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    beside = f"{path}.{os.getpid()}.part"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(beside, path)


def main(file: str, result: str) -> int:
    """Squeeze a file."""
    try:
        with open(file, "rb") as source:
            content = source.read()
    except FileNotFoundError:
        print(f"no such file: {file}", file=sys.stderr)
        return EX_NOINPUT
    write_whole(result, json.dumps({"file": file} | squeeze(content)) + "\n")
    print(f"{file}: {len(content)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
