"""Paths of a target as policies see them.

A path says where to begin and how to walk, not where the walk ends: `..` after a symbolic link leads to the parent
of what the link points at. So the gateway asks the target (SSH_FXP_REALPATH) before it judges, and an operation's
objects are both the path that the client gave and the place that it leads to. Between that answer and the operation
somebody else can still turn a link around; only the target itself could tell.
"""

import posixpath
from dataclasses import dataclass


def text_of(path: bytes) -> str:
    """The path as text; what is not UTF-8 in it survives the way back."""
    return path.decode("utf-8", "surrogateescape")


def bytes_of(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def absolute(home: str, path: str) -> str:
    """The path from the root, where the folder is known that the session begins in."""
    return path if path.startswith("/") or not home else f"{home.rstrip('/')}/{path}"


def climbs(path: str) -> bool:
    """Whether where it leads depends on what is a symbolic link."""
    return ".." in path.split("/")


def normal(path: str) -> str:
    """The path without `.`, `..`, doubled and trailing slashes, by its letters alone."""
    # POSIX leaves it open what two slashes in front mean; no server that speaks SFTP makes a difference.
    return posixpath.normpath("/" + path.lstrip("/") if path.startswith("/") else path)


@dataclass(frozen=True, slots=True)
class Place:
    """A path, and whether the operation goes where it leads, or takes a link that it ends in as it is."""

    path: str
    follows: bool = True

    def question(self) -> tuple[str, str]:
        """What to ask the target for, and what stands behind its answer."""
        if self.follows:
            return self.path, ""
        folder, _, name = self.path.rstrip("/").rpartition("/")
        if name in ("", ".", ".."):
            return self.path, ""
        return folder or ("/" if self.path.startswith("/") else "."), name


@dataclass(frozen=True, slots=True)
class Found:
    """Where a path leads, as far as the target has said; empty where it could not."""

    path: str
    leads_to: str = ""

    @property
    def shown(self) -> str:
        """The path for people and policies: absolute, and the target's word where it climbs."""
        return self.leads_to if climbs(self.path) and self.leads_to else normal(self.path)

    @property
    def objects(self) -> frozenset[str]:
        return frozenset({self.shown, self.leads_to} - {""})
