"""What kind of file system a path is on, by the mount table alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.sources.mounts import file_system, has_our_clock, tells_events

TABLE = rb"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /nfs rw,relatime shared:7 master:2 - nfs4 server:/export rw,vers=4.2,addr=192.0.2.1
31 30 0:41 / /nfs/scratch rw - tmpfs tmpfs rw
32 22 0:42 / /with\040space\134and\011more rw - cifs //server/share rw
33 22 0:43 / /media/caf\303\251 rw - fuse.sshfs someone@server: rw
34 22 0:44 / /media/old-\351 rw - xfs /dev/sdb rw
35 22 8:2 / /twice rw - ext4 /dev/sdc rw
36 35 0:45 / /twice rw - nfs server:/twice rw
37 22 0:46 /a/b /bound rw - btrfs /dev/sdd rw
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "mountinfo").write_bytes(TABLE)
    return tmp_path / "mountinfo"


@pytest.mark.parametrize(
    "path, kind",
    [
        (b"/home/x", "ext4"),
        (b"/", "ext4"),
        (b"//", "ext4"),
        (b"/nfs", "nfs4"),
        (b"/nfs/", "nfs4"),
        (b"/nfs/x", "nfs4"),
        (b"//nfs/x", "nfs4"),
        (b"/nfs-not", "ext4"),
        (b"/nfs/scratch/x", "tmpfs"),
        (b"/nfs/scratch/../x", "nfs4"),
        (b"/with space\\and\tmore/x", "cifs"),
        ("/media/café/x".encode(), "fuse.sshfs"),
        (b"/media/old-\xe9/x", "xfs"),
        (b"/twice/x", "nfs"),
        (b"/bound", "btrfs"),
    ],
)
def test_the_deepest_mount_above_a_path_tells_and_of_two_at_one_point_the_later(
    table: Path, path: bytes, kind: str
) -> None:
    assert file_system(os.fsdecode(path), table) == kind


def test_a_relative_path_begins_where_we_are(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getcwdb", lambda: b"/nfs/scratch")
    assert file_system("x", table) == "tmpfs"


def test_where_there_is_no_table_nothing_is_told(tmp_path: Path) -> None:
    assert file_system("/", tmp_path / "none") == ""


def test_the_real_table_is_understood() -> None:
    assert file_system("/proc/self") == "proc"


def test_the_path_itself_is_never_looked_at(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server may be gone: any look would wait for ever."""
    real = os.stat
    looked: list[object] = []
    monkeypatch.setattr(os, "stat", lambda path, **how: (looked.append(path), real(path, **how))[1])
    monkeypatch.setattr(os, "lstat", looked.append)
    monkeypatch.setattr(os, "readlink", looked.append)
    file_system("/nfs/x", table)
    assert [path for path in looked if "nfs/x" in str(path)] == []


OTHERS = (
    *("nfs", "nfs3", "nfs4", "cifs", "smb3", "smbfs", "fuse", "fuseblk", "fuse.sshfs", "fuse.glusterfs", "9p"),
    *("virtiofs", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs", "ncpfs", "sshfs", "vboxsf", "prl_fs"),
    *("vmhgfs", "autofs", "ocfs2", "gfs2", ""),
)


@pytest.mark.parametrize("kind", OTHERS)
def test_what_others_may_change_tells_no_events_and_has_another_clock(kind: str) -> None:
    assert (tells_events(kind), has_our_clock(kind)) == (False, False)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "ext3", "f2fs", "bcachefs"])
def test_what_only_this_machine_changes_tells_events_and_has_its_clock(kind: str) -> None:
    assert (tells_events(kind), has_our_clock(kind)) == (True, True)


def test_links_are_followed_but_none_that_may_not_answer(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    leads = {b"/a": b"nfs", b"/b": b"/a/deep", b"/home/c": b"../b", b"/nfs/d": b"/home", b"/loop": b"loop"}

    def readlink(path: bytes) -> bytes:
        asked.append(path)
        if path not in leads:
            raise OSError
        return leads[path]

    monkeypatch.setattr(os, "readlink", readlink)
    for path, kind in {"/a": "nfs4", "/b/x": "nfs4", "/home/c": "nfs4", "/home/x": "ext4", "/loop/x": "ext4"}.items():
        assert file_system(path, table) == kind
    assert not [path for path in asked if path.startswith(b"/nfs")]
    assert file_system("/nfs/d", table) == "nfs4"
    assert file_system("/nfs/scratch/x", table) == "tmpfs"
    assert not [path for path in asked if path.startswith(b"/nfs")]
