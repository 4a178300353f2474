"""`kill -9` of the gateway, or of the wrapper, at any moment: whatever reached the server is in the record."""

import contextlib
import http.client
import json
import random
import re
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from tests.adapters.mcp.talk import MODERN, MODERN_META, request
from tests.adapters.mcp.test_http import Gateway, serving
from tests.adapters.mcp.test_stdio import BEGIN, ROOT, lines, wrapped

MOMENTS = 4
CLIENTS = 3
MARK = re.compile(r"mark-\d+-\d+-\d+")


def greet(mark: str, number: int) -> dict[str, object]:
    return request("tools/call", {"name": "greet", "arguments": {"name": mark}}, number)


def check(folder: Path, fewest: int) -> None:
    at_the_server = set(MARK.findall((folder / "calls").read_text()))
    files = sorted((folder / "conf").rglob("*.jsonl"))
    in_the_record = set(MARK.findall("\n".join(path.read_text(errors="replace") for path in files)))
    assert len(at_the_server) > fewest
    assert at_the_server <= in_the_record, sorted(at_the_server - in_the_record)[:5]


class Load:
    """Clients that call a tool with a number each, as fast as they are answered, until they are cut off."""

    def __init__(self, port: int, round_number: int) -> None:
        self._port = port
        self._round = round_number
        self._threads = [threading.Thread(target=self._run, args=(client,)) for client in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _run(self, client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        headers |= {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "greet"}
        number = 0
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                number += 1
                message = greet(f"mark-{self._round}-{client}-{number}", number)
                message["params"]["_meta"] = MODERN_META  # type: ignore[index]
                connection.request("POST", "/mcp", json.dumps(message), headers)
                connection.getresponse().read()
        connection.close()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()


def test_every_call_at_a_server_on_http_is_in_the_record(tmp_path: Path) -> None:
    moments = random.Random(4711)
    with serving(tmp_path) as port:
        started = Gateway(port, tmp_path, scripts=["record.py"]).start()
        for round_number in range(MOMENTS):
            load = Load(started.port, round_number)
            time.sleep(moments.uniform(1.5, 2))
            started.kill()
            load.join()
            started.start()
        started.stop()
    check(tmp_path, MOMENTS * CLIENTS)


def test_every_call_at_a_wrapped_server_is_in_the_record(tmp_path: Path) -> None:
    moments = random.Random(4711)
    for round_number in range(MOMENTS):
        _, *messages = (greet(f"mark-{round_number}-0-{number}", number) for number in range(1, 200))
        _begun(tmp_path, messages, moments.uniform(0, 0.1))
    check(tmp_path, MOMENTS)


def _begun(folder: Path, messages: Iterable[dict[str, object]], after_s: float) -> None:
    """Say all this to a wrapper that is killed so long after the first call has arrived."""
    before = len(_calls(folder))
    with subprocess.Popen(
        wrapped(folder, "-s", "record.py"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    ) as wrapper:
        assert wrapper.stdin is not None
        assert wrapper.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            wrapper.stdin.write(lines(BEGIN[0]))
            wrapper.stdin.flush()
            assert b"result" in wrapper.stdout.readline()
            wrapper.stdin.write(lines(BEGIN[1], *messages))
            wrapper.stdin.flush()
        until = time.monotonic() + 30
        while len(_calls(folder)) == before:
            assert time.monotonic() < until
            time.sleep(0.001)
        time.sleep(after_s)
        wrapper.kill()


def _calls(folder: Path) -> str:
    kept = folder / "calls"
    return kept.read_text() if kept.exists() else ""
