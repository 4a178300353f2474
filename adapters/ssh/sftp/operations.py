"""What requests do, in the words of policies: verbs, places, and what is said beside."""

from dataclasses import dataclass

from hoopaddon.adapters.ssh.sftp import requests as sftp
from hoopaddon.adapters.ssh.sftp.paths import Place, absolute, text_of
from hoopaddon.adapters.ssh.sftp.requests import OpenFlags, Request
from hoopaddon.adapters.ssh.sftp.wire import Attributes

_HERE = frozenset({b"", b".", b"~", b"~/", b"./"})

_VERBS: dict[type[Request], tuple[str, bool]] = {
    sftp.Stat: ("stat", True),
    sftp.LStat: ("stat", False),
    sftp.StatVfs: ("stat", True),
    sftp.OpenDir: ("list", True),
    sftp.Remove: ("remove", False),
    sftp.MkDir: ("mkdir", False),
    sftp.RmDir: ("rmdir", False),
    sftp.ReadLink: ("readlink", False),
    sftp.RealPath: ("realpath", True),
    sftp.Rename: ("rename", False),
    sftp.PosixRename: ("rename", False),
    sftp.HardLink: ("link", False),
}
"""Each with its verb, and whether a link that its path ends in is followed."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is judged. `places` are asked about at the target before that."""

    verbs: tuple[str, ...]
    places: tuple[Place, ...]
    details: str = ""


def paths_in(request: Request) -> tuple[bytes, ...]:
    """The paths as the client wrote them."""
    if isinstance(request, sftp.OnTwoPaths):
        return request.path, request.new_path
    return (request.path,) if isinstance(request, sftp.OnPath | sftp.Open) else ()


def needs_no_verdict(request: Request) -> bool:
    """Questions about no file: what the server can do, who somebody is, where the session begins."""
    if isinstance(request, sftp.RealPath | sftp.ExpandPath):
        return request.path in _HERE
    return isinstance(request, sftp.GetLimits | sftp.UsersGroups)


def operation_of(request: Request, home: str) -> Operation:
    """What a request about paths does. `home` is where the session begins, empty where that is not known."""
    if isinstance(request, sftp.Open):
        return Operation(verbs_of_open(request.flags), (_place(home, request.path),), described(request.attributes))
    if isinstance(request, sftp.SetStat | sftp.LSetStat):
        follows = isinstance(request, sftp.SetStat)
        place = _place(home, request.path, follows=follows)
        return Operation(verbs_of(request.attributes), (place,), described(request.attributes))
    if isinstance(request, sftp.ExpandPath | sftp.HomeDirectory):
        return Operation(("realpath",), (_place_of_tilde(home, request),))
    verb, follows = _VERBS[type(request)]
    if isinstance(request, sftp.OnTwoPaths):
        places = (_place(home, request.path, follows=follows), _place(home, request.new_path, follows=follows))
        return Operation((verb,), places)
    (path,) = paths_in(request)
    details = described(request.attributes) if isinstance(request, sftp.MkDir) else ""
    return Operation((verb,), (_place(home, path, follows=follows),), details)


def symlink(request: sftp.Symlink, home: str) -> Operation:
    """A link's text leads on from the folder that the link is in."""
    link = _place(home, request.new_path, follows=False)
    folder, slash, _ = link.path.rstrip("/").rpartition("/")
    said = text_of(request.path)
    target = Place(said if said.startswith("/") else f"{folder}{slash}{said}")
    # Some clients write the two paths in the draft's order: then both are seen all the same.
    return Operation(("symlink",), (target, link))


def verbs_of_open(flags: int) -> tuple[str, ...]:
    """What opening with these flags lets a client do."""
    flags = OpenFlags(flags)
    verbs = [
        ("read", OpenFlags.READ in flags or OpenFlags.WRITE not in flags),
        ("write", OpenFlags.WRITE in flags),
        ("append", OpenFlags.APPEND in flags),
        ("create", OpenFlags.CREATE in flags),
        ("truncate", OpenFlags.TRUNCATE in flags),
    ]
    return tuple(verb for verb, holds in verbs if holds)


def verbs_of(attributes: Attributes) -> tuple[str, ...]:
    """What setting these attributes does."""
    verbs = [
        ("truncate", attributes.size is not None),
        ("chown", attributes.owner is not None),
        ("chmod", attributes.mode is not None),
        ("utime", attributes.times is not None),
    ]
    return tuple(verb for verb, holds in verbs if holds) or ("setstat",)


def described(attributes: Attributes) -> str:
    """The attributes in words."""
    words = []
    if attributes.size is not None:
        words.append(f"size={attributes.size}")
    if attributes.owner is not None:
        words.append("owner={}:{}".format(*attributes.owner))
    if attributes.mode is not None:
        words.append(f"mode={attributes.mode & 0o7777:04o}")
    if attributes.times is not None:
        words.append("accessed={} changed={}".format(*attributes.times))
    return " ".join(words)


def _place(home: str, path: bytes, *, follows: bool = True) -> Place:
    return Place(absolute(home, text_of(path)), follows)


def _place_of_tilde(home: str, request: sftp.ExpandPath | sftp.HomeDirectory) -> Place:
    path = text_of(request.path)
    if isinstance(request, sftp.HomeDirectory):
        return Place(f"~{path}")
    if path.startswith("~/"):
        return Place(absolute(home, path[2:]))
    return Place(path) if path.startswith("~") else Place(absolute(home, path))
