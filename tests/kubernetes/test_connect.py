"""`hoopaddon connect` with kubectl: the token comes from a credential plug-in, and stands on no command line."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.engine.cli.connecting import Connecting, command_lines
from tests.kubernetes.clients import kubectl_path


@pytest.fixture
def shop(tmp_path: Path, kubeconfig: Path, directly: None) -> Iterator[Connecting]:
    """A gateway in front of the cluster of the tests."""
    folder = Connecting(tmp_path)
    context = YAML(typ="safe").load(kubeconfig.read_text())["current-context"]
    with folder.target("shop", "kubernetes", context, kubeconfig=kubeconfig):
        yield folder


def on_path() -> dict[str, str]:
    return {"PATH": f"{kubectl_path().parent}:{os.environ['PATH']}"}


def test_kubectl_has_all_that_it_needs(shop: Connecting) -> None:
    code, out, err = shop.run(
        "shop", "--user", "ada", "--", "kubectl", "get", "namespaces", "-o", "name", **on_path()
    )
    assert (code, "namespace/kube-system" in out) == (0, True), err
    assert "Server Version" in shop.run("shop", **on_path())[1]
    assert shop.run("shop", "--", "kubectl", "get", "nothings", **on_path())[0] == 1
    assert shop.run("shop", "--print")[1] == f"https://127.0.0.1:{shop.port}\n"


def test_the_token_is_in_a_file_of_ours_while_it_runs(shop: Connecting) -> None:
    token = shop.token("ada")
    told = ("shop", "--", "kubectl", "get", "configmaps", "--watch", "--all-namespaces")
    started = shop.start(*told, HOOPADDON_TOKEN=token, **on_path())
    try:
        until = time.monotonic() + 20
        while not any("kubectl" in line and "--watch" in line and "connect" not in line for line in command_lines()):
            assert started.program.poll() is None, started.shown
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.5)
        assert not [line for line in command_lines() if token in line]
        (config,) = [path for path in shop.left if path.name == "kubeconfig"]
        assert token not in config.read_text()
        assert all(path.stat().st_mode & 0o077 == 0 for path in shop.left)
    finally:
        started.end(signal.SIGTERM)
    assert shop.left == []
