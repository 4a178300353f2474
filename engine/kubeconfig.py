"""A kubeconfig by which kubectl and its like go through the gateway. It holds no secret: a program gives it."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

EXEC_VERSION = "client.authentication.k8s.io/v1"


def kubeconfig_text(
    server: str, plugin: Sequence[str], *, authority: bytes = b"", context: str = "hoopaddon", namespace: str = ""
) -> str:
    """The file's text. `plugin` is the program that prints an `ExecCredential`; without one the client has no user.

    `authority`, in PEM, vouches for the gateway beside nobody else.
    """
    cluster: dict[str, Any] = {"server": server}
    if authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    program = {
        "apiVersion": EXEC_VERSION,
        "command": plugin[0] if plugin else "",
        "args": list(plugin[1:]),
        "interactiveMode": "Never",
        "provideClusterInfo": False,
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": cluster}],
        "users": [{"name": context, "user": {"exec": program} if plugin else {}}],
        "contexts": [
            {
                "name": context,
                "context": {"cluster": context, "user": context} | ({"namespace": namespace} if namespace else {}),
            }
        ],
        "current-context": context,
    }
    text = StringIO()
    yaml = YAML()
    yaml.width = 10_000
    yaml.dump(document, text)
    return text.getvalue()


def exec_credential(token: str, expires_at: float) -> str:
    """client.authentication.k8s.io/v1, what kubectl and its like read of a program that their kubeconfig names."""
    until = datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"token": token, "expirationTimestamp": until}
    return json.dumps({"apiVersion": EXEC_VERSION, "kind": "ExecCredential", "status": status})
