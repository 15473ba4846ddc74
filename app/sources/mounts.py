"""What kind of file system a path is on: told from the mount table alone, for to look at the path itself may take
forever where its server is gone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

TABLE = Path("/proc/self/mountinfo")

_ELSEWHERE = re.compile(
    r"nfs\d*|cifs|smb\w*|ncpfs?|9p|virtiofs|fuse(\..*|blk|ctl)?|sshfs|davfs2?|autofs|coda|k?afs|openafs|yfs"
    r"|ceph|glusterfs|lustre|gpfs|mmfs|beegfs|panfs|orangefs|pvfs2|wekafs|gfs2?|ocfs2"
    r"|vboxsf|prl_fs|(vm)?hgfs|drvfs|"
)
"""Kinds that other machines, or programs, may change without our kernel seeing it; and the one that is not told."""


def file_system(path: str, table: Path = TABLE) -> str:
    """Such as ext4 or nfs4, of where a path leads by links too; empty where the system does not tell. No link is asked
    where it leads that is, or is only to be reached, on a file system which may not answer."""
    try:
        mounts = [*_mounts(table)]
        left = [*reversed(os.path.join(os.getcwdb(), os.fsencode(path)).split(b"/"))]  # noqa: PTH109, PTH118 - any name is one
    except (OSError, ValueError):
        return ""
    at, links, asked = b"/", 0, True
    while left:
        name = left.pop()
        if name in (b"", b".", b".."):
            at = os.path.dirname(at) if name == b".." else at  # noqa: PTH120
            continue
        at = os.path.join(at, name)  # noqa: PTH118
        asked = asked and links < LINKS and tells_events(_kind(mounts, at))
        if asked:
            with suppress(OSError, ValueError):  # most are no links
                target = os.readlink(at)  # noqa: PTH115
                at, links = (b"/" if target.startswith(b"/") else os.path.dirname(at)), links + 1  # noqa: PTH120
                left += reversed(target.split(b"/"))
    return _kind(mounts, at)


LINKS = 40
"""That a path may lead through."""


def _mounts(table: Path) -> Iterator[tuple[bytes, str]]:
    """Where each is, and of which kind, in the order in which they were mounted."""
    for mount in table.read_bytes().splitlines():
        # ID, parent, device, root, mount point, options, optional fields up to a dash, kind: proc(5)
        before, _, after = mount.partition(b" - ")
        point = _ESCAPED.sub(lambda octal: bytes([int(octal[1], 8)]), before.split(b" ")[4])
        yield _as_folder(point), os.fsdecode(after.split(b" ")[0])


def _kind(mounts: Sequence[tuple[bytes, str]], path: bytes) -> str:
    wanted, kind, longest = _as_folder(path), "", 0
    for point, its in mounts:
        if wanted.startswith(point) and len(point) >= longest:  # of two at one point the later one is seen
            kind, longest = its, len(point)
    return kind


_ESCAPED = re.compile(rb"\\([0-7]{3})")


def _as_folder(path: bytes) -> bytes:
    return (b"/" + path.strip(b"/")).rstrip(b"/") + b"/"


def tells_events(kind: str) -> bool:
    """Whether the kernel sees all changes there."""
    return _ELSEWHERE.fullmatch(kind) is None


def has_our_clock(kind: str) -> bool:
    """Whether the times of files there are this machine's, and it answers as long as this machine does."""
    return tells_events(kind)
