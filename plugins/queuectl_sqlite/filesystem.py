"""What differs by platform: on what kind of file system a directory lies."""

from __future__ import annotations

import os
from pathlib import Path

NETWORK = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "gfs2",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
    }
)
"""File systems on which the processes of two hosts do not share memory, or locks are not to be trusted."""

MOUNTS = Path("/proc/self/mountinfo")


def network_type(directory: Path) -> str | None:
    """Return the name of the network file system that holds a directory, None for a local one or an unknown."""
    device = directory.stat().st_dev
    if os.major(device) != 0:  # a disk has a driver, and the driver a number
        return None
    kind = _type_of(device)
    return kind if kind in NETWORK else None


def _type_of(device: int) -> str | None:
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:  # no Linux
        return None
    for line in lines:
        before, _, after = line.partition(" - ")
        if before.split(" ", 3)[2] == wanted:
            return after.split(" ", 1)[0]
    return None
