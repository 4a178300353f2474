"""The cluster that the tests here run against: the double, or the one that KUBECONFIG_OF_TESTS names.

Tests of `cluster` run twice: straight to it, and through the gateway.
"""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes.clients import Access
from tests.kubernetes.gateway import KubeGateway
from tests.kubernetes.servers import ADMIN, KubernetesServer

# `make test-kubernetes KUBECONFIG=…` sets it.
ANY_CLUSTER = os.environ.get("KUBECONFIG_OF_TESTS", "")
_numbers = itertools.count(1)
_QUIET = "def output(output):\n    pass\n"


@pytest.fixture(scope="session")
def kubernetes_double() -> Iterator[KubernetesServer]:
    """The double of kube-apiserver."""
    if ANY_CLUSTER:
        pytest.skip("is about the double, and another cluster was asked for")
    with KubernetesServer() as server:
        yield server


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    """An administrator's way to the cluster."""
    if ANY_CLUSTER:
        return Path(ANY_CLUSTER).absolute()
    server: KubernetesServer = request.getfixturevalue("kubernetes_double")
    return server.kubeconfig(ADMIN)


@pytest.fixture(scope="session")
def directly() -> None:
    """The test is about what no gateway is to stand before, or about the gateway itself."""


@pytest.fixture(scope="session")
def way(request: pytest.FixtureRequest, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig by which the tests go: the administrator's, or one through a gateway that changes nothing."""
    if getattr(request, "param", "directly") == "directly":
        yield kubeconfig
        return
    folder = tmp_path_factory.mktemp("plain-gateway")
    # With a policy, every answer is read and put together again.
    with KubeGateway(kubeconfig, "", folder, scripts=[_QUIET], settings={"allow": "impersonate"}) as gateway:
        yield gateway.kubeconfig_with_token()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let every test of the cluster go both ways."""
    if "cluster" in metafunc.fixturenames and "directly" not in metafunc.fixturenames:
        metafunc.parametrize("way", ["directly", "through"], indirect=True, scope="session")


@pytest.fixture(scope="session")
def client_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder for kubectl and helm."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def cluster(way: Path, client_home: Path) -> Iterator[Access]:
    """The cluster, with a namespace of the test's own, which goes with it."""
    access = Access(way, f"hoopaddon-{os.getpid()}-{next(_numbers)}", client_home)
    access.kubectl("create", "namespace", access.namespace).ok()
    try:
        yield access
    finally:
        access.kubectl("delete", "namespace", access.namespace, "--wait=false").ok()


@pytest.fixture(scope="session")
def runs_pods(kubeconfig: Path, client_home: Path) -> None:
    """Skips the test where no node runs pods, as where only an API server was started."""
    access = Access(kubeconfig, "default", client_home)
    ready = access.kubectl("get", "nodes", "-o", "jsonpath={..conditions[?(@.type=='Ready')].status}").ok()
    if "True" not in ready.split():
        pytest.skip("needs a node that runs pods")
