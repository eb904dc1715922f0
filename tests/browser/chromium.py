"""Finds a browser of Chromium's kind, and where it may, installs Debian's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

MAC = (
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)

REMEDY = "install one, on Debian by: apt-get install chromium; or name it in QUEUECTL_TEST_BROWSER"


def find() -> str | None:
    """Return the program, None where there is none."""
    named = os.environ.get("QUEUECTL_TEST_BROWSER")
    found = [named, *(shutil.which(name) for name in NAMES), *(str(path) for path in MAC if path.exists())]
    return next((path for path in found if path), None)


def provide() -> str | None:
    """Return a browser, installed from Debian's packages if need be and this is root's machine."""
    if find() is None and shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", *command], env=environment, stdout=sys.stderr, check=False)
    return find()


if __name__ == "__main__":
    print(f"browser: {provide() or f'NONE, so the tests in tests/browser do not run; {REMEDY}'}", file=sys.stderr)
