"""What kind of file system a path is on: told from the mount table alone, for to look at the path itself may take
forever where its server is gone."""

from __future__ import annotations

import os
import re
from pathlib import Path

TABLE = Path("/proc/self/mountinfo")

_ELSEWHERE = re.compile(
    r"nfs\d*|cifs|smb\w*|ncpfs?|9p|virtiofs|fuse(\..*|blk|ctl)?|sshfs|davfs2?|autofs|coda|k?afs|openafs|yfs"
    r"|ceph|glusterfs|lustre|gpfs|mmfs|beegfs|panfs|orangefs|pvfs2|wekafs|gfs2?|ocfs2"
    r"|vboxsf|prl_fs|(vm)?hgfs|drvfs|"
)
"""Kinds that other machines, or programs, may change without our kernel seeing it; and the one that is not told."""


def file_system(path: str, table: Path = TABLE) -> str:
    """Such as ext4 or nfs4; empty where the system does not tell. Links in the path are not followed."""
    try:
        mounts, wanted = table.read_bytes().splitlines(), _as_folder(os.path.abspath(os.fsencode(path)))  # noqa: PTH100
    except (OSError, ValueError):
        return ""
    kind, longest = b"", 0
    for mount in mounts:
        # ID, parent, device, root, mount point, options, optional fields up to a dash, kind: proc(5)
        before, _, after = mount.partition(b" - ")
        point = _as_folder(_ESCAPED.sub(lambda octal: bytes([int(octal[1], 8)]), before.split(b" ")[4]))
        if wanted.startswith(point) and len(point) >= longest:  # of two at one point the later one is seen
            kind, longest = after.split(b" ")[0], len(point)
    return os.fsdecode(kind)


_ESCAPED = re.compile(rb"\\([0-7]{3})")


def _as_folder(path: bytes) -> bytes:
    return (b"/" + path.strip(b"/")).rstrip(b"/") + b"/"


def tells_events(kind: str) -> bool:
    """Whether the kernel sees all changes there."""
    return _ELSEWHERE.fullmatch(kind) is None


def has_our_clock(kind: str) -> bool:
    """Whether the times of files there are this machine's, and it answers as long as this machine does."""
    return tells_events(kind)
