"""What HTTP costs through the gateway, beside a direct connection and mitmdump with one addon that does nothing.

Requests of 1 KB on connections that stay open, and one large body that streams. Contenders take turns.
"""

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM

from rich.table import Table

from benchmarks.contenders import PLAIN, POLICIES, SHIPPED
from demo.guard import Guard, end
from demo.server import free_port

DIRECT, MITMDUMP = "direct", "mitmdump"
REQUESTS, BODY = "http: requests", "http: streamed body"
WORK = (REQUESTS, BODY)
CLIENTS = 8
_NOTHING = "class Nothing:\n    def request(self, flow):\n        pass\n\n\naddons = [Nothing()]\n"
_MITMDUMP = (sys.executable, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()")
_GET = b"GET /orders/17 HTTP/1.1\r\nHost: target\r\nAccept: */*\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the target. `pid` is the process in the middle, 0 where there is none."""

    name: str
    port: int
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """Requests per second, their median and 99th percentile in ms; MB/s of the body, MiB that memory has grown by."""

    rate: float = 0.0
    median_ms: float = 0.0
    p99_ms: float = 0.0
    body: float = 0.0
    grown: float = 0.0


async def requests(way: Way, seconds: float, sent: bytes = _GET) -> tuple[float, float, float]:
    """How many a second, their median and 99th percentile in ms."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", way.port)
        while (began := time.perf_counter()) < until:
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            took.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    ordered = sorted(took)
    return len(took) / seconds, statistics.median(ordered) * 1e3, ordered[int(len(ordered) * 0.99) - 1] * 1e3


async def _body(way: Way, megabytes: int) -> tuple[float, float]:
    before = _resident(way.pid)
    reader, writer = await asyncio.open_connection("127.0.0.1", way.port, limit=1 << 20)
    writer.write(b"GET /big/%d HTTP/1.1\r\nHost: target\r\nConnection: close\r\n\r\n" % megabytes)
    began = time.perf_counter()
    await reader.readuntil(b"\r\n\r\n")
    received = 0
    while received < megabytes * 990_000 and (data := await reader.read(1 << 20)):
        received += len(data)
    rate = received / 1e6 / (time.perf_counter() - began)
    writer.close()
    return rate, _resident(way.pid) - before


def _resident(pid: int) -> float:
    """MiB."""
    if not pid:
        return 0.0
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def measure(work: list[str], *, rounds: int, quick: bool) -> dict[str, list[Measured]]:
    """What was measured of each way, in each round."""
    seconds, megabytes = (1.0, 20) if quick else (4.0, 100)
    found: dict[str, list[Measured]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="hoopaddon-bench-") as name, _ways(Path(name)) as ways:
        for way in ways:
            asyncio.run(requests(way, 0.5))
        for number in range(rounds):
            turn = number % len(ways)
            for way in ways[turn:] + ways[:turn]:
                rates = asyncio.run(requests(way, seconds)) if REQUESTS in work else (0.0, 0.0, 0.0)
                body = asyncio.run(_body(way, megabytes)) if BODY in work else (0.0, 0.0)
                found[way.name].append(Measured(*rates, *body))
    return found


@contextmanager
def _ways(folder: Path) -> Iterator[list[Way]]:
    nothing = folder / "nothing.py"
    nothing.write_text(_NOTHING)
    with ExitStack() as stack:
        target = free_port()
        stack.enter_context(process([sys.executable, "-m", "benchmarks.http_target", str(target)], target))
        ways = [Way(DIRECT, target)]
        scripts = [part for script in SHIPPED for part in ("-s", script)]
        for name, command in (
            (MITMDUMP, [*_MITMDUMP, "-q", "-s", str(nothing), "--set", "stream_large_bodies=1m"]),
            (PLAIN, [sys.executable, "-m", "hoopaddon", "-q"]),
            (POLICIES, [sys.executable, "-m", "hoopaddon", "-q", *scripts]),
        ):
            port = free_port()
            kind = "reverse" if name == MITMDUMP else "http"
            mode = f"{kind}:http://127.0.0.1:{target}@127.0.0.1:{port}"
            settings = ["--set", f"confdir={folder / name}", "--mode", mode]
            pid = stack.enter_context(process([*command, *settings], port))
            ways.append(Way(name, port, pid))
        yield ways


@contextmanager
def process(command: list[str], port: int) -> Iterator[int]:
    """A program that listens at a port; its process id."""
    started = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    guard = Guard(started.pid, SIGTERM)
    try:
        _wait_for(port)
        yield started.pid
    finally:
        end(started, SIGTERM, guard)


def _wait_for(port: int, within_s: float = 90) -> None:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nobody listens at port {port}")


def numbers(found: dict[str, list[Measured]]) -> dict[str, dict[str, float]]:
    """The medians over the rounds, by what was measured and by way."""
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for name, rounds in found.items():
        columns = {
            "requests per second": [one.rate for one in rounds],
            "a request, ms": [one.median_ms for one in rounds],
            "a request, p99, ms": [one.p99_ms for one in rounds],
            "streamed body, MB/s": [one.body for one in rounds],
            "memory grown by a body, MiB": [one.grown for one in rounds],
        }
        for what, samples in columns.items():
            if any(samples):
                table[what][name] = statistics.median(samples)
    return dict(table)


def table_of(found: dict[str, dict[str, float]]) -> Table:
    """Each number, and the ratio of the gateway with its policies to mitmdump with one addon that does nothing."""
    names = (DIRECT, MITMDUMP, PLAIN, POLICIES)
    table = Table(title=f"HTTP with {CLIENTS} clients: direct, mitmdump, the gateway")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    table.add_column(f"{POLICIES} / {MITMDUMP}", justify="right")
    for what, of in found.items():
        ratio = f"{of.get(POLICIES, 0.0) / of[MITMDUMP]:.2f}" if of.get(MITMDUMP) else ""
        table.add_row(what, *(f"{of.get(name, 0.0):,.2f}" for name in names), ratio)
    return table
