"""The operator's kubeconfig: where a context leads, and what proves the gateway there.

Files are merged as kubectl does it (client-go, tools/clientcmd): of each name the first file that has it counts.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hoopaddon.errors import ConfigError

_SUPPORTED = "token, tokenFile, client-certificate, exec, or username with password"


@dataclass(frozen=True, slots=True)
class Pem:
    """A certificate or key: a file, or its content where the kubeconfig has that. It shows nobody what it holds."""

    file: str = ""
    data: bytes = field(default=b"", repr=False)

    def __bool__(self) -> bool:
        return bool(self.file or self.data)


@dataclass(frozen=True, slots=True)
class Context:
    """A context of the kubeconfig; `user` is as the file has it, and only shown to who makes a credential of it."""

    name: str
    server: str
    ca: Pem
    certificate: Pem
    key: Pem
    user: Mapping[str, Any] = field(repr=False)
    folder: Path = Path()


def load_context(name: str, file: str = "") -> Context:
    """The context of this name; an empty one is the current. Raises `ConfigError`."""
    documents = [(path, _document(path)) for path in _files(file)]
    found = name or next((str(d["current-context"]) for _, d in documents if d.get("current-context")), "")
    path, context = _named(documents, "contexts", "context", found)
    cluster_path, cluster = _named(documents, "clusters", "cluster", str(context.get("cluster", "")))
    user_path = path
    user: Mapping[str, Any] = {}
    if context.get("user"):
        user_path, user = _named(documents, "users", "user", str(context["user"]))
    for key in ("insecure-skip-tls-verify", "tls-server-name", "proxy-url"):
        if cluster.get(key):
            raise ConfigError(
                f"the cluster of context {found} has {key}, which is not supported",
                file=str(cluster_path),
                hint="give the cluster its certificate-authority, and name the server as its certificate does",
            )
    if "auth-provider" in user:
        raise ConfigError(
            f"the user of context {found} has an auth-provider", file=str(user_path), hint=f"use {_SUPPORTED}"
        )
    server = str(cluster.get("server", ""))
    if not server.startswith(("https://", "http://")):
        raise ConfigError(f"the cluster of context {found} has no server", file=str(cluster_path))
    return Context(
        found,
        server,
        _pem(cluster, "certificate-authority", cluster_path),
        _pem(user, "client-certificate", user_path),
        _pem(user, "client-key", user_path),
        user,
        user_path.parent,
    )


def _files(file: str) -> list[Path]:
    if file:
        return [Path(file).expanduser()]
    listed = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    # Of a list, files that do not exist are skipped.
    present = [path for path in listed if path.exists()]
    return present or [Path("~/.kube/config").expanduser()]


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text())
    except OSError as e:
        raise ConfigError(f"cannot read the kubeconfig: {e.strerror}", file=str(path)) from None
    except (YAMLError, UnicodeDecodeError):
        raise ConfigError("is no kubeconfig", file=str(path)) from None
    if not isinstance(document, Mapping):
        raise ConfigError("is no kubeconfig", file=str(path))
    return document


def _named(
    documents: list[tuple[Path, Mapping[str, Any]]], plural: str, kind: str, name: str
) -> tuple[Path, Mapping[str, Any]]:
    known: list[str] = []
    for path, document in documents:
        for entry in document.get(plural) or ():
            if isinstance(entry, Mapping) and isinstance(entry.get(kind), Mapping):
                if entry.get("name") == name:
                    return path, entry[kind]
                known.append(str(entry.get("name")))
    listed = ", ".join(known[:10]) or "none"
    raise ConfigError(f"there is no {kind} {name!r}", file=str(documents[0][0]), hint=f"there is {listed}")


def _pem(entry: Mapping[str, Any], key: str, path: Path) -> Pem:
    if data := entry.get(f"{key}-data"):
        try:
            return Pem(data=base64.b64decode(str(data), validate=True))
        except binascii.Error:
            raise ConfigError(f"{key}-data is not in base64", file=str(path)) from None
    if file := entry.get(key):
        return Pem(file=str(path.parent / str(file)))
    return Pem()
