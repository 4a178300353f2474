"""Pods' streams: logs, exec, attach, port-forward, copies, over WebSocket and over SPDY."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from kubernetes.stream import portforward, stream

from demo.server import HOST, free_port
from tests.kubernetes.clients import SPDY, WITHIN_S, Access, kubectl_path
from tests.kubernetes.manifests import many, pod

pytestmark = pytest.mark.usefixtures("runs_pods")

TRANSPORTS = pytest.mark.parametrize("env", [{}, SPDY], ids=["websocket", "spdy"])


@pytest.fixture
def box(cluster: Access) -> Access:
    """A pod `box` that runs."""
    return started(cluster, "echo begun; while :; do sleep 1; done")


def started(cluster: Access, script: str) -> Access:
    """A cluster with a pod `box` that runs a script."""
    cluster.kubectl("create", "-f", "-", stdin=many(pod("box", script))).ok()
    cluster.kubectl("wait", "--for=condition=Ready", "pod/box", "--timeout=50s").ok()
    return cluster


@TRANSPORTS
def test_exec_keeps_streams_apart_and_tells_the_exit_code(box: Access, env: dict[str, str]) -> None:
    done = box.kubectl("exec", "box", "--", "sh", "-c", "echo out; echo err >&2; exit 7", env=env)
    assert (done.code, done.out) == (7, "out\n")
    assert done.err.splitlines() == ["err", "command terminated with exit code 7"]


@TRANSPORTS
def test_exec_hands_on_standard_input_and_its_end(box: Access, env: dict[str, str]) -> None:
    text = "".join(f"line {n}\n" for n in range(20_000))
    assert box.kubectl("exec", "-i", "box", "--", "cat", stdin=text, env=env).ok() == text


@TRANSPORTS
def test_a_program_that_is_not_there_is_an_error(box: Access, env: dict[str, str]) -> None:
    done = box.kubectl("exec", "box", "--", "no-such-program", env=env)
    assert done.code != 0
    assert "no-such-program" in done.err


@TRANSPORTS
def test_a_terminal_has_the_size_of_the_clients(box: Access, env: dict[str, str]) -> None:
    inner = "tty; until [ \"$(stty size)\" = '33 99' ]; do sleep 0.1; done; stty size"
    kubectl = f"{kubectl_path()} --namespace {box.namespace} exec -it box -- sh -c"
    command = f"stty rows 33 cols 99; {kubectl} '{inner.replace("'", "'\\''")}'"
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        env=box.environment(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=True,
    )
    # `script` itself shows the end of its own input as ^@, somewhere.
    assert re.search(r"/dev/\S+\n33 99\n", done.stdout.replace("^@", "").replace("\b", ""))


@TRANSPORTS
def test_files_are_copied_both_ways(box: Access, env: dict[str, str], tmp_path: Path) -> None:
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(os.urandom(200_000))
    box.kubectl("cp", str(sent), "box:copied", env=env).ok()
    box.kubectl("cp", "box:copied", str(back), env=env).ok()
    assert back.read_bytes() == sent.read_bytes()


def test_logs_are_tailed_stamped_and_followed(cluster: Access) -> None:
    started(cluster, "for n in 1 2 3; do echo line $n; done; sleep 3; echo last")
    assert cluster.kubectl("logs", "box", "--tail=1").ok() == "line 3\n"
    stamped = cluster.kubectl("logs", "box", "--tail=1", "--timestamps").ok()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line 3\n", stamped)
    assert cluster.kubectl("logs", "box", "--follow").ok() == "line 1\nline 2\nline 3\nlast\n"
    refused = cluster.kubectl("logs", "box", "-c", "other")
    assert "container other is not valid for pod box" in refused.err


def test_attach_shows_what_the_container_says_from_then_on(cluster: Access) -> None:
    made = pod("box", "read line; echo heard $line; sleep 1")
    made["spec"]["containers"][0] |= {"stdin": True, "stdinOnce": True}
    made["spec"]["restartPolicy"] = "Never"
    cluster.kubectl("create", "-f", "-", stdin=many(made)).ok()
    cluster.kubectl("wait", "--for=condition=Ready", "pod/box", "--timeout=50s").ok()
    assert "heard me" in cluster.kubectl("attach", "-i", "box", stdin="me\n").ok()


def test_a_pod_that_ends_says_how(cluster: Access) -> None:
    cluster.kubectl("create", "-f", "-", stdin=many(pod("box", "exit 4", restartPolicy="Never"))).ok()
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/box", "--timeout=50s").ok()
    path = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}"
    assert cluster.kubectl("get", "pod", "box", "-o", path).ok() == "4"


@contextmanager
def answering() -> Iterator[int]:
    """A server that sends back what it gets, in capitals; its port."""
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    while data := connection.recv(65536):
                        connection.sendall(data.upper())

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def port_of_pod(box: Access, request: pytest.FixtureRequest) -> Iterator[int]:
    """A port of the pod `box` on which something answers in capitals; a double's pods have the loopback's ports."""
    if os.environ.get("KUBECONFIG_OF_TESTS"):
        pytest.skip("a real pod would have to bring a server")
    with answering() as port:
        yield port


@TRANSPORTS
def test_ports_are_forwarded(box: Access, port_of_pod: int, env: dict[str, str]) -> None:
    local = free_port()
    command = [str(kubectl_path()), "-n", box.namespace, "port-forward", "pod/box", f"{local}:{port_of_pod}"]
    forwarding = subprocess.Popen(command, env=box.environment(**env), stdout=subprocess.PIPE, text=True)
    try:
        if forwarding.stdout is None or "Forwarding from" not in forwarding.stdout.readline():
            raise AssertionError("kubectl forwards nothing")
        for text in (b"one", b"two"):
            with socket.create_connection((HOST, local), timeout=10) as connection:
                connection.sendall(text * 10_000)
                received = b""
                while len(received) < len(text) * 10_000 and (data := connection.recv(65536)):
                    received += data
            assert received == text.upper() * 10_000
    finally:
        forwarding.send_signal(signal.SIGTERM)
        forwarding.communicate(timeout=10)


def test_the_python_client_forwards_ports(box: Access, port_of_pod: int) -> None:
    with box.api() as api:
        core: Any = client.CoreV1Api(api)
        forward = portforward(
            core.connect_get_namespaced_pod_portforward, "box", box.namespace, ports=str(port_of_pod)
        )
        connection = forward.socket(port_of_pod)
        connection.setblocking(True)
        connection.sendall(b"hello")
        assert connection.recv(5) == b"HELLO"
        connection.close()
        # Its thread leaves the connection open where the server is the first to close.
        for thread in threading.enumerate():
            if "port forward" in thread.name:
                thread.join(10)
        forward.websocket.shutdown()


def test_the_python_client_runs_commands(box: Access) -> None:
    with box.api() as api:
        core: Any = client.CoreV1Api(api)
        command = ["sh", "-c", "read line; echo $line; echo bad >&2; exit 5"]
        session = stream(
            core.connect_get_namespaced_pod_exec,
            "box",
            box.namespace,
            command=command,
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
            _preload_content=False,
        )
        session.write_stdin("typed\n")
        session.run_forever(timeout=20)
        assert (session.read_stdout(), session.read_stderr()) == ("typed\n", "bad\n")
        assert session.returncode == 5
        session.close()
        # Where the server has said good-bye first, as a real one does, that leaves the connection open.
        session.sock.shutdown()


def test_a_command_ends_with_its_client(box: Access) -> None:
    command = [str(kubectl_path()), "-n", box.namespace, "exec", "box", "--", "sh", "-c", "echo $$; sleep 300"]
    process = subprocess.Popen(command, env=box.environment(), stdout=subprocess.PIPE, text=True)
    number = process.stdout.readline().strip() if process.stdout else ""
    process.kill()
    process.communicate(timeout=10)
    alive = True
    for _ in range(50):
        alive = box.kubectl("exec", "box", "--", "kill", "-0", number).code == 0
        if not alive:
            break
        time.sleep(0.1)
    # A real kubelet leaves the process to the container's runtime, which may keep it.
    assert not alive or os.environ.get("KUBECONFIG_OF_TESTS")
