"""The gateway's own host key: generated once, and kept."""

import os
from pathlib import Path

import asyncssh

ALGORITHM = "ssh-ed25519"
FILE = "ssh_host_key"


def load_or_create(confdir: Path) -> asyncssh.SSHKey:
    """The key by which clients know the gateway. Raises `OSError` where it cannot be kept."""
    path = confdir / FILE
    try:
        return asyncssh.read_private_key(path)
    except FileNotFoundError:
        key = asyncssh.generate_private_key(ALGORITHM, comment="hoopaddon")
        confdir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Whoever starts second takes what the first has written.
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return asyncssh.read_private_key(path)
        with os.fdopen(file, "wb") as stream:
            stream.write(key.export_private_key())
        return key
