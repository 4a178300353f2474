"""Every packet of SFTP as bytes and as a value."""

from hoopaddon.adapters.ssh.sftp import requests as q
from hoopaddon.adapters.ssh.sftp import responses as r
from hoopaddon.adapters.ssh.sftp.requests import Request
from hoopaddon.adapters.ssh.sftp.responses import Response
from hoopaddon.adapters.ssh.sftp.wire import Attributes, Name

NO_ATTRIBUTES = b"\0\0\0\0"
ALL = Attributes(7, (1, 2), 0o644, (3, 4), ((b"a@b", b"c"),))
ALL_BYTES = (
    b"\x80\0\0\x0f\0\0\0\0\0\0\0\7\0\0\0\1\0\0\0\2\0\0\1\xa4\0\0\0\3\0\0\0\4\0\0\0\1\0\0\0\3a@b\0\0\0\1c"
)  # fmt: skip
HANDLE = b"\0\0\0\1h"
PATH, OTHER = b"\0\0\0\2/a", b"\0\0\0\2/b"
ID = b"\0\0\0\x09"


def extended(name: bytes, fields: bytes) -> bytes:
    return b"\xc8" + ID + len(name).to_bytes(4) + name + fields


# Without the length that every packet begins with.
REQUESTS: list[tuple[bytes, Request]] = [
    (b"\3" + ID + PATH + b"\0\0\0\x1a" + NO_ATTRIBUTES, q.Open(9, b"/a", 26)),
    (b"\3" + ID + PATH + b"\0\0\0\1" + ALL_BYTES, q.Open(9, b"/a", 1, ALL)),
    (b"\4" + ID + HANDLE, q.Close(9, b"h")),
    (b"\5" + ID + HANDLE + b"\0\0\0\1\0\0\0\0\0\0\x80\0", q.Read(9, b"h", 1 << 32, 32768)),
    (b"\6" + ID + HANDLE + b"\0\0\0\0\0\0\0\5\0\0\0\3abc", q.Write(9, b"h", 5, b"abc")),
    (b"\7" + ID + PATH, q.LStat(9, b"/a")),
    (b"\x08" + ID + HANDLE, q.FStat(9, b"h")),
    (b"\x09" + ID + PATH + b"\0\0\0\4\0\0\1\xa4", q.SetStat(9, b"/a", Attributes(mode=0o644))),
    (b"\x0a" + ID + HANDLE + ALL_BYTES, q.FSetStat(9, b"h", ALL)),
    (b"\x0b" + ID + PATH, q.OpenDir(9, b"/a")),
    (b"\x0c" + ID + HANDLE, q.ReadDir(9, b"h")),
    (b"\x0d" + ID + PATH, q.Remove(9, b"/a")),
    (b"\x0e" + ID + PATH + NO_ATTRIBUTES, q.MkDir(9, b"/a")),
    (b"\x0f" + ID + PATH, q.RmDir(9, b"/a")),
    (b"\x10" + ID + PATH, q.RealPath(9, b"/a")),
    (b"\x11" + ID + PATH, q.Stat(9, b"/a")),
    (b"\x12" + ID + PATH + OTHER, q.Rename(9, b"/a", b"/b")),
    (b"\x13" + ID + PATH, q.ReadLink(9, b"/a")),
    (b"\x14" + ID + PATH + OTHER, q.Symlink(9, b"/a", b"/b")),
    (extended(b"posix-rename@openssh.com", PATH + OTHER), q.PosixRename(9, b"/a", b"/b")),
    (extended(b"hardlink@openssh.com", PATH + OTHER), q.HardLink(9, b"/a", b"/b")),
    (extended(b"statvfs@openssh.com", PATH), q.StatVfs(9, b"/a")),
    (extended(b"fstatvfs@openssh.com", HANDLE), q.FStatVfs(9, b"h")),
    (extended(b"fsync@openssh.com", HANDLE), q.FSync(9, b"h")),
    (extended(b"lsetstat@openssh.com", PATH + ALL_BYTES), q.LSetStat(9, b"/a", ALL)),
    (extended(b"limits@openssh.com", b""), q.GetLimits(9)),
    (extended(b"expand-path@openssh.com", PATH), q.ExpandPath(9, b"/a")),
    (
        extended(b"copy-data", HANDLE + b"\0" * 7 + b"\1" + b"\0" * 7 + b"\2" + HANDLE + b"\0" * 7 + b"\3"),
        q.CopyData(9, b"h", 1, 2, b"h", 3),
    ),
    (extended(b"home-directory", b"\0\0\0\3ada"), q.HomeDirectory(9, b"ada")),
    (
        extended(b"users-groups-by-id@openssh.com", b"\0\0\0\4\0\0\0\1\0\0\0\0"),
        q.UsersGroups(9, b"\0\0\0\1", b""),
    ),
]
RESPONSES: list[tuple[bytes, Response]] = [
    (b"\x65" + ID + b"\0\0\0\3\0\0\0\2no\0\0\0\2en", r.Status(9, 3, b"no", b"en")),
    (b"\x66" + ID + HANDLE, r.Handle(9, b"h")),
    (b"\x67" + ID + b"\0\0\0\3abc", r.Data(9, b"abc")),
    (b"\x68" + ID + b"\0\0\0\0", r.Names(9, ())),
    (
        b"\x68" + ID + b"\0\0\0\2" + PATH + b"\0\0\0\0" + ALL_BYTES + OTHER + PATH + NO_ATTRIBUTES,
        r.Names(9, (Name(b"/a", b"", ALL), Name(b"/b", b"/a", Attributes()))),
    ),
    (b"\x69" + ID + ALL_BYTES, r.Attrs(9, ALL)),
]


def whole(packet: bytes) -> bytes:
    """With its length in front."""
    return len(packet).to_bytes(4) + packet
