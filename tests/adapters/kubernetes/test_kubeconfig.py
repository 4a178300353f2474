"""Contexts of the operator's kubeconfig, and what proves the gateway there."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon import ConfigError
from hoopaddon.adapters.kubernetes.credential import credential_of
from hoopaddon.adapters.kubernetes.kubeconfig import load_context
from hoopaddon.adapters.kubernetes.mode import KubernetesMode
from hoopaddon.credential import CredentialUnavailable
from hoopaddon.credentials.resolving import Credentials
from hoopaddon.options import Options

CREDENTIALS = Credentials(Options())


def write(path: Path, user: dict[str, Any] | None = None, **cluster: Any) -> Path:
    """A kubeconfig with the one context `admin@prod`."""
    document = {
        "current-context": "admin@prod",
        "contexts": [{"name": "admin@prod", "context": {"cluster": "prod", "user": "admin"}}],
        "clusters": [{"name": "prod", "cluster": {"server": "https://10.0.0.1:6443", **cluster}}],
        "users": [{"name": "admin", "user": user or {}}],
    }
    path.write_text(json.dumps(document))
    return path


async def proof(path: Path) -> str:
    credential = credential_of(load_context("", str(path)))
    assert credential is not None
    await credential.ready(CREDENTIALS)
    request = http.Request.make("GET", "https://10.0.0.1/")
    credential.put_on(request, b"")
    assert request.headers["authorization"].partition(" ")[2] in credential.secrets
    return str(request.headers["authorization"])


def test_a_context(tmp_path: Path) -> None:
    pem = base64.b64encode(b"PEM").decode()
    path = write(tmp_path / "config", {"client-certificate": "a.crt", "client-key-data": pem})
    found = load_context("admin@prod", str(path))
    assert (found.server, found.certificate.file, found.key.data) == (
        "https://10.0.0.1:6443",
        str(tmp_path / "a.crt"),
        b"PEM",
    )
    assert not found.ca
    assert "PEM" not in repr(found)
    assert credential_of(found) is None


def test_files_are_merged_and_the_first_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = write(tmp_path / "one", {"token": "a"}), write(tmp_path / "two", {"token": "b"})
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'none'}:{one}:{two}")
    assert load_context("").user == {"token": "a"}


@pytest.mark.parametrize(
    ("user", "cluster", "said"),
    [
        ({}, {"insecure-skip-tls-verify": True}, "insecure-skip-tls-verify"),
        ({}, {"proxy-url": "http://x"}, "proxy-url"),
        ({}, {"server": "unix:/x"}, "no server"),
        ({}, {"certificate-authority-data": "%"}, "base64"),
        ({"auth-provider": {"name": "gcp"}}, {}, "auth-provider"),
    ],
)
def test_what_is_not_supported_is_named(tmp_path: Path, user: Any, cluster: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_context("", str(write(tmp_path / "config", user, **cluster)))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "config")
    with pytest.raises(ConfigError, match="no context 'prod'"):
        load_context("prod", str(path))
    with pytest.raises(ConfigError, match="cannot read"):
        load_context("", str(tmp_path / "none"))
    path.write_text("a: [")
    with pytest.raises(ConfigError, match="no kubeconfig"):
        load_context("", str(path))


async def test_tokens(tmp_path: Path) -> None:
    assert await proof(write(tmp_path / "a", {"token": "abc"})) == "Bearer abc"
    assert await proof(write(tmp_path / "b", {"username": "u", "password": "p"})) == "Basic dTpw"
    (tmp_path / "token").write_text("def\n")
    assert await proof(write(tmp_path / "c", {"tokenFile": "token"})) == "Bearer def"
    with pytest.raises(CredentialUnavailable):
        await proof(write(tmp_path / "d", {"tokenFile": "none"}))


async def test_a_program_prints_a_token_until_it_expires(tmp_path: Path) -> None:
    program = tmp_path / "login"
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 20))
    printed = json.dumps({"kind": "ExecCredential", "status": {"token": "t-$N", "expirationTimestamp": until}})
    counted = f"N=$(cat n 2>/dev/null || echo 0); N=$((N+1)); echo $N > n; cat <<E\n{printed}\nE\n"
    program.write_text(f'#!/bin/sh\ncd "$(dirname "$0")"\ntest "$STAGE" = prod || exit 3\n{counted}')
    program.chmod(0o700)
    spec = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login"}
    path = write(tmp_path / "config", {"exec": {**spec, "env": [{"name": "STAGE", "value": "prod"}]}})
    credential = credential_of(load_context("", str(path)))
    assert credential is not None
    seen = []
    for _ in range(2):
        await credential.ready(CREDENTIALS)
        request = http.Request.make("GET", "https://10.0.0.1/")
        credential.put_on(request, b"")
        seen.append(request.headers["authorization"])
    # It is asked again in time, half a minute before its token ends.
    assert seen == ["Bearer t-1", "Bearer t-2"]
    with pytest.raises(CredentialUnavailable, match="ends with 3"):
        await proof(write(tmp_path / "config", {"exec": spec}))
    with pytest.raises(CredentialUnavailable, match="cannot run"):
        await proof(write(tmp_path / "config", {"exec": {"command": "./none"}}))


# -- modes


def mode(text: str) -> KubernetesMode:
    found = ProxyMode.parse(text)
    assert isinstance(found, KubernetesMode)
    return found


def test_modes() -> None:
    found = mode("kubernetes:https://10.0.0.1:6443?name=prod&label=env:prod&bearer=env:T&allow=impersonate@6443")
    (only,) = found.targets
    assert only.target is not None
    assert (only.target.name, only.target.labels["env"], found.listen_port()) == ("prod", "prod", 6443)
    assert only.allowed == {"impersonate"}
    (context,) = mode("kubernetes:kubernetes-admin@kubernetes@127.0.0.1:7443").targets
    assert context.context == "kubernetes-admin@kubernetes"
    assert mode("kubernetes:arn:aws:eks:eu:1:cluster/a?kubeconfig=/k@6443").targets[0].settings == {
        "kubeconfig": "/k"
    }
    both = mode("kubernetes:prod?path=/prod|https://10.0.0.1?name=test&path=/test@6443")
    assert [target.name for target in both.targets] == ["prod", "test"]


@pytest.mark.parametrize(
    "text",
    [
        "kubernetes:https://10.0.0.1:6443?bearer=secret@6443",
        "kubernetes:https://10.0.0.1:6443?login=none@6443",
        "kubernetes:https://10.0.0.1:6443?kubeconfig=/k@6443",
        "kubernetes:https://10.0.0.1:6443?allow=everything@6443",
        "kubernetes:context?bearer=env:T@6443",
        "kubernetes:ftp://x@6443",
        "kubernetes:prod|prod@6443",
        "kubernetes:prod|test@6443",
    ],
)
def test_modes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ProxyMode.parse(text)
