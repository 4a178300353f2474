"""What SSH costs through the gateway, beside a direct connection and a ProxyJump through plain sshd.

A jump host sees nothing: it carries an encrypted connection. So it is what the gateway can be compared with, and not
what it does. Contenders take turns, as for PostgreSQL.
"""

import asyncio
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
from rich.table import Table

from tests.servers.ssh import SshGateway, SshServer

DIRECT, JUMP, GATEWAY = "direct", "ProxyJump", "gateway + 4 policies"
SHIPPED = ("mask_pii.py", "block_destructive.py", "require_approval.py", "record.py")
EXEC, KEY, UP, DOWN = "ssh: exec", "ssh: keystroke", "ssh: scp to the target", "ssh: scp from the target"
WORK = (EXEC, KEY, UP, DOWN)
_SETTLE_KEYS = 20
_RAW = "stty raw -echo; cat"
"""What sends each key straight back, so that only the way is measured."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the target: an ssh_config with the host `target`, and what its programs need."""

    name: str
    config: Path
    environment: dict[str, str]
    server: SshServer
    gateway: SshGateway | None = None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncssh.SSHClientConnection]:
        """A client that is in."""
        usual: dict[str, Any] = {"known_hosts": None, "config": None, "agent_path": None}
        server = self.server
        key = {"username": server.user, "client_keys": [server.user_key], **usual}
        if self.gateway is not None:
            secret = {"username": self.gateway.client, "password": self.gateway.token(), "client_keys": None}
            async with asyncssh.connect(self.gateway.host, self.gateway.port, **secret, **usual) as client:
                yield client
        elif self.name == JUMP:
            async with (
                asyncssh.connect(server.host, server.port, **key) as jump,
                asyncssh.connect(server.host, server.port, tunnel=jump, **key) as client,
            ):
                yield client
        else:
            async with asyncssh.connect(server.host, server.port, **key) as client:
                yield client


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one way: milliseconds of an exec and of a key (median, 99th percentile), megabytes per second of scp."""

    exec_ms: tuple[float, float] | None = None
    key_ms: tuple[float, float] | None = None
    up: float | None = None
    down: float | None = None


def _spread(samples: list[float]) -> tuple[float, float]:
    ordered = sorted(samples)
    return statistics.median(ordered) * 1e3, ordered[int(len(ordered) * 0.99) - 1] * 1e3


async def _exec(way: Way, times: int) -> tuple[float, float]:
    async with way.connected() as client:
        took = []
        for _ in range(times):
            began = time.perf_counter()
            await client.run("true", check=True)
            took.append(time.perf_counter() - began)
    return _spread(took)


async def _keys(way: Way, times: int) -> tuple[float, float]:
    async with way.connected() as client:
        process = await client.create_process(_RAW, term_type="linux", term_size=(80, 24), encoding=None)
        await asyncio.sleep(0.5)
        took = []
        for number in range(times + _SETTLE_KEYS):
            began = time.perf_counter()
            process.stdin.write(b"x")
            await process.stdout.readexactly(1)
            if number >= _SETTLE_KEYS:
                took.append(time.perf_counter() - began)
            await asyncio.sleep(0.01)
        process.close()
    return _spread(took)


def _scp(way: Way, source: str, to: str, megabytes: int) -> float:
    command = ["scp", "-F", str(way.config), "-q", source, to]
    began = time.perf_counter()
    subprocess.run(command, env=way.environment, check=True, capture_output=True)
    return megabytes / (time.perf_counter() - began)


def _one(way: Way, work: list[str], folder: Path, times: int, megabytes: int) -> Measured:
    source = folder / "source"
    return Measured(
        asyncio.run(_exec(way, times)) if EXEC in work else None,
        asyncio.run(_keys(way, times)) if KEY in work else None,
        _scp(way, str(source), f"target:{folder}/copy", megabytes) if UP in work else None,
        _scp(way, f"target:{source}", f"{folder}/copy", megabytes) if DOWN in work else None,
    )


def measure(work: list[str], *, rounds: int, quick: bool) -> dict[str, list[Measured]]:
    """What was measured of each way, in each round."""
    times, megabytes = (50, 50) if quick else (300, 300)
    found: dict[str, list[Measured]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="hoopaddon-bench-") as name, _ways(Path(name)) as ways:
        source = Path(name) / "source"
        source.write_bytes(bytes(range(256)) * (megabytes << 12))
        for number in range(rounds):
            turn = number % len(ways)
            for way in ways[turn:] + ways[:turn]:
                found[way.name].append(_one(way, work, Path(name), times, megabytes))
    return found


@contextmanager
def _ways(folder: Path) -> Iterator[list[Way]]:
    scripts: list[str | Path] = list(SHIPPED)
    with (
        # What the account's own shell runs at its start, bash's files above all, would be most of what is measured.
        SshServer(settings=["SetEnv HOME=/nonexistent"]) as server,
        SshGateway(server, folder / "gateway", scripts=scripts, settings=server.settings) as gateway,
    ):
        inherited = {name: value for name, value in gateway.environment().items() if not name.startswith("SSH_ASK")}
        here = (
            f"HostName {server.host}\nPort {server.port}\nUser {server.user}\nIdentityFile {server.user_key}\n"
            f"UserKnownHostsFile {server.known_hosts}\nIdentitiesOnly yes\nIdentityAgent none\nLogLevel ERROR\n"
        )
        direct, jump, through = (folder / f"{name}_config" for name in ("direct", "jump", "through"))
        direct.write_text(f"Host target\n{here}")
        jump.write_text(f"Host jump\n{here}Host target\nProxyCommand ssh -F {jump} -W %h:%p jump\n{here}")
        through.write_text(gateway.client_config.read_text().replace("Host gateway\n", "Host target\n", 1))
        yield [
            Way(DIRECT, direct, inherited, server),
            Way(JUMP, jump, inherited, server),
            Way(GATEWAY, through, gateway.environment(), server, gateway),
        ]


def numbers(found: dict[str, list[Measured]]) -> dict[str, dict[str, float]]:
    """The medians over the rounds, by what was measured and by way."""
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for name, rounds in found.items():
        columns = {
            "exec, ms": [one.exec_ms[0] for one in rounds if one.exec_ms],
            "exec, round trips per second": [1e3 / one.exec_ms[0] for one in rounds if one.exec_ms],
            "keystroke echo, ms": [one.key_ms[0] for one in rounds if one.key_ms],
            "keystroke echo, p99, ms": [one.key_ms[1] for one in rounds if one.key_ms],
            "scp to the target, MB/s": [one.up for one in rounds if one.up],
            "scp from the target, MB/s": [one.down for one in rounds if one.down],
        }
        for what, samples in columns.items():
            if samples:
                table[what][name] = statistics.median(samples)
    return dict(table)


def table_of(found: dict[str, dict[str, float]]) -> Table:
    """Each number, and how the gateway's compares: added milliseconds, or a ratio of the jump's throughput."""
    table = Table(title="SSH: direct, by a jump host, by the gateway")
    table.add_column("")
    for name in (DIRECT, JUMP, GATEWAY):
        table.add_column(name, justify="right")
    table.add_column("the gateway beside the others", justify="right")
    for what, of in found.items():
        if what.endswith("ms"):
            beside = f"{of[GATEWAY] - of[DIRECT]:+.2f} ms on direct"
        else:
            beside = f"{of[GATEWAY] / of[JUMP]:.2f} of {JUMP}"
        table.add_row(what, *(f"{of[name]:,.2f}" for name in (DIRECT, JUMP, GATEWAY)), beside)
    return table
