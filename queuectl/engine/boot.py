"""What differs by platform about this host: its name and the boot that it is in."""

from __future__ import annotations

import socket
import sys
from pathlib import Path


def boot_id() -> str:
    """Return a text that is the same for all processes of one boot of one host."""
    if sys.platform == "linux":
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    import subprocess  # only where no file tells it

    return subprocess.run(  # a fixed command; `kern.boottime` is another whenever the clock is set
        ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], check=True, capture_output=True, text=True
    ).stdout.strip()


def host_name() -> str:
    """Return this host's name, for people to read; nothing is ever identified by it."""
    return socket.gethostname()
