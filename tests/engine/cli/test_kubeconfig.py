"""`hoopaddon kubeconfig`, and tokens as kubectl takes them."""

import base64
import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hoopaddon.cli import kubeconfig, token
from hoopaddon.identity.tokens import verify
from hoopaddon.store.keys import SigningKey


def test_a_kubeconfig_without_a_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["--user", "ada", "--groups", "dev,ops", "--namespace", "shop", "--confdir", str(tmp_path)]
    assert kubeconfig.main(told) == 0
    printed = capsys.readouterr().out
    document = YAML(typ="safe").load(printed)
    (cluster,) = document["clusters"]
    assert cluster["cluster"]["server"] == "https://127.0.0.1:6443"
    assert b"BEGIN CERTIFICATE" in base64.b64decode(cluster["cluster"]["certificate-authority-data"])
    assert b"PRIVATE" not in base64.b64decode(cluster["cluster"]["certificate-authority-data"])
    assert document["contexts"][0]["context"]["namespace"] == "shop"
    program = document["users"][0]["user"]["exec"]
    assert program["interactiveMode"] == "Never"
    assert program["args"][:2] == ["token", "--exec-credential"]

    # What kubectl would run.
    assert token.main(program["args"][1:]) == 0
    credential = json.loads(capsys.readouterr().out)
    assert (credential["kind"], credential["apiVersion"]) == ("ExecCredential", program["apiVersion"])
    user = verify(credential["status"]["token"], SigningKey.load_or_create(str(tmp_path)), target=None)
    assert (user.subject, user.groups) == ("ada", frozenset({"dev", "ops"}))
    assert credential["status"]["expirationTimestamp"].endswith("Z")


@pytest.mark.parametrize("wrong", [["--server", "gateway:6443"], ["--ttl", "long"], ["--ca", "/none"]])
def test_mistakes_are_named(wrong: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kubeconfig.main(["--user", "ada", "--confdir", str(tmp_path), *wrong]) == 2
    assert capsys.readouterr().err.startswith("hoopaddon kubeconfig: ")


def test_without_tls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kubeconfig.main(["--user", "a", "--confdir", str(tmp_path), "--server", "http://127.0.0.1:1"]) == 0
    assert "certificate-authority-data" not in capsys.readouterr().out
