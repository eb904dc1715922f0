"""Write the reference pages that repeat what the program and its source say.

Usage: python docs/reference/write.py
"""

from __future__ import annotations

from pathlib import Path

from written import commands, configuration, kit, seams

HERE = Path(__file__).parent

PAGES = {
    "commands.md": commands.page,
    "configuration.md": configuration.page,
    "seams.md": seams.page,
    "testing.md": kit.page,
}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
