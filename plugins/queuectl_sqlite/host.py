"""What differs by platform about files: how new ones are made, whose they are, on what file system they lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL
else:
    NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""Flags that make a file, and never open what is there already or where a link points to."""

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

SMALL_FILE = 64 * 1024
"""Bytes; SQLite wants half of it at once for what processes share."""

MOUNTS = Path("/proc/self/mountinfo")


def make_file(path: Path) -> None:
    """Make an empty file that only its owner may read; raises FileExistsError for whatever is there already."""
    os.close(os.open(path, NEW_FILE, 0o600))


def give_name(file: Path, name: Path) -> None:
    """Give a file its name, in one step; raises FileExistsError, never replacing what has that name."""
    try:
        os.link(file, name)
    except FileExistsError:
        raise
    except OSError:  # some file systems have no links
        if os.path.lexists(name):
            raise FileExistsError(name) from None
        file.rename(name)


def is_strangers(found: os.stat_result) -> bool:
    """Return whether a file belongs to another user than ours or root."""
    if sys.platform == "win32":
        return False
    return found.st_uid not in {os.geteuid(), 0}


def sync_names(directory: Path) -> None:
    """Have the names in a directory on the disk: else a loss of power could take the name of a synced file."""
    if sys.platform == "win32":
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_full(directory: Path) -> bool:
    """Return whether there is no room for a new small file: of some calls SQLite does not tell why they failed."""
    if sys.platform == "win32":
        return False
    try:
        found = os.statvfs(directory)
    except OSError:
        return False
    blocks = found.f_bavail if os.geteuid() else found.f_bfree  # some are kept for root
    return blocks * found.f_frsize < SMALL_FILE or (found.f_files > 0 and found.f_ffree == 0)


def is_read_only(directory: Path) -> bool:
    """Return whether a directory lies on a file system on which nobody can write."""
    if sys.platform == "win32":
        return False
    return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)


def network_type(directory: Path) -> str | None:
    """Return the name of the network file system that holds a directory, None for a local one or an unknown."""
    if sys.platform == "win32":
        return None
    if os.major(directory.stat().st_dev) != 0:  # a disk has a driver, and the driver a number
        return None
    kind = file_system(directory)
    return kind if kind in NETWORK else None


def file_system(directory: Path) -> str | None:
    """Return the name of the file system that holds a directory, None where that cannot be told."""
    if sys.platform == "win32":
        return None
    device = directory.stat().st_dev
    return mounted_type(f"{os.major(device)}:{os.minor(device)}")


def mounted_type(device: str) -> str | None:
    """Return the type of the file system that is mounted from a device, written `major:minor`."""
    try:
        lines = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:  # no Linux
        return None
    for line in lines:
        before, _, after = line.partition(" - ")
        if before.split(" ", 3)[2] == device:
            return after.split(" ", 1)[0]
    return None
