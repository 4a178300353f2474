"""What the call of a tool costs through the gateway, over streamable HTTP, beside a direct connection."""

import asyncio
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.table import Table

from benchmarks.contenders import GATEWAYS, POLICIES
from benchmarks.http import CLIENTS, DIRECT, Way, process, requests
from demo.server import free_port

CALLS = "http: mcp tool calls"
_VERSION = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": _VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_BODY = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "orders", "arguments": {"customer": 17, "state": "shipped"}, "_meta": _META},
    }
).encode()
_CALL = (
    b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json, text/event-stream\r\n"
    b"Content-Type: application/json\r\nMcp-Protocol-Version: %s\r\nContent-Length: %d\r\n\r\n%s"
    % (_VERSION.encode(), len(_BODY), _BODY)
)


def measure(*, rounds: int, quick: bool) -> dict[str, dict[str, float]]:
    """The medians over the rounds, by what was measured and by way."""
    seconds = 1.0 if quick else 4.0
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="hoopaddon-bench-") as name, _ways(Path(name)) as ways:
        for way in ways:
            asyncio.run(requests(way, 0.5, _CALL))
        for number in range(rounds):
            turn = number % len(ways)
            for way in ways[turn:] + ways[:turn]:
                found[way.name].append(asyncio.run(requests(way, seconds, _CALL)))
    columns = ("calls per second", "a call, ms", "a call, p99, ms")
    return {
        what: {way: statistics.median(sample[at] for sample in samples) for way, samples in found.items()}
        for at, what in enumerate(columns)
    }


@contextmanager
def _ways(folder: Path) -> Iterator[list[Way]]:
    with ExitStack() as stack:
        target = free_port()
        stack.enter_context(process([sys.executable, "-m", "benchmarks.http_target", str(target)], target))
        ways = [Way(DIRECT, target)]
        for name, scripts in GATEWAYS.items():
            port = free_port()
            mode = f"mcp:http://127.0.0.1:{target}/mcp@127.0.0.1:{port}"
            settings = ["--set", f"confdir={folder / name}", "--mode", mode]
            loaded = [part for script in scripts for part in ("-s", script)]
            command = [sys.executable, "-m", "hoopaddon", "-q", *loaded, *settings]
            ways.append(Way(name, port, stack.enter_context(process(command, port))))
        yield ways


def table_of(found: dict[str, dict[str, float]]) -> Table:
    """Each number, and the ratio of the gateway with its policies to the direct connection."""
    names = (DIRECT, *GATEWAYS)
    table = Table(title=f"Calls of an MCP tool over HTTP with {CLIENTS} clients")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    table.add_column(f"{POLICIES} / {DIRECT}", justify="right")
    for what, of in found.items():
        table.add_row(what, *(f"{of[name]:,.2f}" for name in names), f"{of[POLICIES] / of[DIRECT]:.2f}")
    return table
