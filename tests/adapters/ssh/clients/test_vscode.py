"""Visual Studio Code's Remote-SSH, by the command lines that it runs.

It runs `ssh -T -D PORT HOST bash` (or `sh`) and writes a long script to its standard input. The script installs and
starts a server at the target's loopback address, says on which port, and stays; the editor then speaks to that server
through the dynamic forward, over several connections at once.
"""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo.server import HOST, free_port
from tests.conftest import StartSshGateway
from tests.servers.ssh import SshGateway, SshServer

WITHIN_S = 20
SCRIPTS = ["mask_pii.py", "block_destructive.py", "record.py"]
SETTINGS = {"block_input_code": "false"}
# What stands in for the server sends back what it is sent.
SERVER = """
import socketserver, sys, threading

class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)

server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo)
server.daemon_threads = True
print(f"listeningOn=={server.server_address[1]}==\\n5b2f4c: end", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""
# The real one is some hundred lines long, too.
SCRIPT = f"""
VSCODE_AGENT_FOLDER="$HOME/.vscode-server"
{chr(10).join(["# what the real one has here"] * 400)}
install() {{
    if [ -d "$VSCODE_AGENT_FOLDER" ]; then printf ''; fi
}}
install && echo '5b2f4c: start'
echo "osReleaseId==$(. /etc/os-release && echo "$ID")=="
exec {sys.executable} -u {{server}}
"""


def script(gateway: SshGateway) -> str:
    """What the editor writes to its shell."""
    server = gateway.folder / "server.py"
    server.write_text(SERVER)
    return SCRIPT.replace("{server}", str(server))


@contextmanager
def started(gateway: SshGateway, shell: str, proxy: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The editor's ssh, with its script sent. It ends with its standard input."""
    command = gateway.arguments(shell, options=["-T", "-D", str(proxy), "-oConnectTimeout=15", "-oLogLevel=INFO"])
    with subprocess.Popen(
        command,
        env=gateway.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as client:
        try:
            if client.stdin is None:
                raise RuntimeError("there is no way to send the script")
            client.stdin.write(script(gateway).encode())
            client.stdin.flush()
            yield client
        finally:
            client.kill()


def listening(client: "subprocess.Popen[bytes]") -> int:
    """The port that the script tells of."""
    said = b""
    while client.stdout and (line := client.stdout.readline()):
        said += line
        if line == b"5b2f4c: end\n":
            found = re.search(rb"listeningOn==(\d+)==", said)
            if found:
                return int(found[1])
    raise AssertionError((said, client.stderr.read() if client.stderr else b""))


def exactly(conn: socket.socket, size: int) -> bytes:
    """So many bytes."""
    found = b""
    while len(found) < size and (piece := conn.recv(size - len(found))):
        found += piece
    return found


def through(proxy: int, port: int) -> socket.socket:
    """A connection to the target's loopback address, by SOCKS 5 (RFC 1928) as the editor makes it."""
    conn = socket.create_connection((HOST, proxy), timeout=WITHIN_S)
    conn.sendall(b"\x05\x01\x00")
    assert exactly(conn, 2) == b"\x05\x00"
    conn.sendall(b"\x05\x01\x00\x01" + socket.inet_aton(HOST) + port.to_bytes(2))
    answer = exactly(conn, 10)
    if answer[:2] != b"\x05\x00":
        conn.close()
        raise ConnectionRefusedError(answer)
    return conn


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_editor_reaches_its_server(sshd: SshServer, ssh_gateway: StartSshGateway, shell: str) -> None:
    settings = sshd.settings | {"allow": "local_forward"}
    gateway = ssh_gateway(sshd, scripts=SCRIPTS, options=SETTINGS, settings=settings)
    proxy = free_port()
    with started(gateway, shell, proxy) as client:
        port = listening(client)
        connections = [through(proxy, port) for _ in range(3)]
        for number, conn in enumerate(connections):
            # What a forward carries is not read: it comes as it went.
            sent = b"GET /version HTTP/1.1\r\n\xff\x00 ann@example.com %d" % number * 2000
            conn.sendall(sent)
            assert exactly(conn, len(sent)) == sent
        for conn in connections:
            conn.close()
        assert client.stdin
        client.stdin.close()
        assert client.wait(WITHIN_S) == 0


def test_without_the_forward_it_is_told_why(sshd: SshServer, ssh_gateway: StartSshGateway) -> None:
    gateway = ssh_gateway(sshd, scripts=SCRIPTS, options=SETTINGS)
    proxy = free_port()
    with started(gateway, "bash", proxy) as client:
        port = listening(client)
        with pytest.raises(ConnectionRefusedError):
            through(proxy, port)
        assert client.stdin
        client.stdin.close()
        assert client.wait(WITHIN_S) == 0
        assert client.stderr
        assert b"local forwarding is not allowed here" in client.stderr.read()


def test_code_that_is_not_judged_is_refused_unless_it_is_allowed(
    sshd: SshServer, ssh_gateway: StartSshGateway
) -> None:
    gateway = ssh_gateway(sshd, scripts=SCRIPTS)
    done = gateway.ssh("bash", options=["-T"], stdin=script(gateway).encode())
    assert done.returncode == 126
    assert b"bash that runs what is sent after the command is refused" in done.stderr
