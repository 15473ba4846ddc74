"""What kind of file system a path is on: told from the mount table alone, for to look at the path itself may take
forever where its server is gone."""

from __future__ import annotations

import os
import re
from pathlib import Path

TABLE = Path("/proc/self/mountinfo")

_ELSEWHERE = re.compile(
    r"nfs\d*|cifs|smb\d*|smbfs|9p|virtiofs|afs|ceph|glusterfs|lustre|gpfs|beegfs|ncpfs|coda|autofs|sshfs|davfs|vboxsf"
    r"|prl_fs|vmhgfs|fuse(\..*)?|"
)
"""Kinds that other machines, or programs, may change without our kernel seeing it; and the one that is not told."""


def file_system(path: str, table: Path = TABLE) -> str:
    """Such as ext4 or nfs4; empty where the system does not tell. Links in the path are not followed."""
    try:
        mounts = table.read_bytes().splitlines()
    except OSError:
        return ""
    wanted, kind, longest = os.fsencode(path).rstrip(b"/") + b"/", "", 0
    for mount in mounts:
        # ID, parent, device, root, mount point, options, optional fields up to a dash, kind: proc(5)
        before, _, after = mount.partition(b" - ")
        point = _ESCAPED.sub(lambda octal: bytes([int(octal[1], 8)]), before.split(b" ")[4]).rstrip(b"/") + b"/"
        if wanted.startswith(point) and len(point) >= longest:  # of two at one point the later one is seen
            kind, longest = os.fsdecode(after.split(b" ")[0]), len(point)
    return kind


_ESCAPED = re.compile(rb"\\([0-7]{3})")


def tells_events(kind: str) -> bool:
    """Whether the kernel sees all changes there."""
    return _ELSEWHERE.fullmatch(kind) is None


def has_our_clock(kind: str) -> bool:
    """Whether the times of files there are this machine's, and it answers as long as this machine does."""
    return _ELSEWHERE.fullmatch(kind) is None
