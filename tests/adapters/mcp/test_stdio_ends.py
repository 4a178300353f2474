"""`hoopaddon mcp` where what the suite asks makes sense over pipes: bad bytes, hanging up, slow readers."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.mcp.talk import request, result, texts, welcome
from tests.adapters.mcp.test_stdio import BEGIN, ROOT, calls, lines, wrapped
from tests.conformance.suite import MASK, POLICY, REASON, SECRET, resident_bytes

WITHIN_S = 60


def conform(word: str, id: object = 2, **more: Any) -> dict[str, Any]:
    return request("tools/call", {"name": "conform", "arguments": {"word": word, "mark": f"m{id}"}, **more}, id)


def answers(folder: Path, said: bytes, server: Sequence[str] = ()) -> dict[object, Any]:
    """What the client hears, by id, that says this and closes its end."""
    policy = folder / "policy.py"
    policy.write_text(POLICY)
    run = subprocess.run(
        wrapped(folder, "-s", str(policy), "-s", "record.py", server=server),
        input=said,
        capture_output=True,
        cwd=ROOT,
        timeout=WITHIN_S,
    )
    assert SECRET.encode() not in run.stdout
    assert b"Traceback" not in run.stderr
    heard = [json.loads(line) for line in run.stdout.splitlines()]
    return {message["id"]: message for message in heard if "id" in message}


def test_every_outcome_in_one_session_whatever_else_is_said(tmp_path: Path) -> None:
    words = ["harmless", "secret", "refuseme", "breakme", "holdme"]
    bad: list[bytes] = [b"\xff" * 64, b"\0" * 64, b"[" * 100_000, b"{", b"[]", b'"', b'{"jsonrpc":"2.0","id":2}']
    bad += [b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', b'{"jsonrpc":"2.0","id":9,"id":9,"method":"ping"}']
    said = [line for pair in zip(bad, map(lines, map(conform, words, words)), strict=False) for line in pair]
    heard = answers(tmp_path, lines(*BEGIN) + b"\n".join([*said, *bad, b""]))
    shown = {word: heard[word]["result"]["content"][0]["text"] for word in words}
    assert (shown["harmless"], shown["secret"]) == ("fine", f"fine, says {MASK}")
    assert REASON in shown["refuseme"]
    assert "could not judge" in shown["breakme"]
    assert "secret-of-the-suite" not in str(heard)
    assert "did not get an approval" in shown["holdme"]
    assert calls(tmp_path) == ["conform harmless mharmless", "conform secret msecret"]


def test_a_client_may_hang_up_anywhere(tmp_path: Path) -> None:
    said = lines(*BEGIN, conform("secret"), conform("refuseme", 3))
    # Within the handshake, and within what follows; each is a process of its own.
    for length in (100, len(said) - 60, len(said) - 1):
        answers(tmp_path, said[:length])
    assert not any("refuseme" in line for line in calls(tmp_path))


SERVER = """
import sys
for line in sys.stdin.buffer:
    sys.stdout.buffer.write({first!r} + b"\\n" if b"initialize" in line else {then!r} if b"tools" in line else b"")
    sys.stdout.buffer.flush()
    if b"tools" in line:
        break
"""


def test_a_server_may_hang_up_anywhere(tmp_path: Path) -> None:
    then = lines(result(texts(f"fine, says {SECRET}"), 2))
    for length in (0, len(then) - 20, len(then) - 1):
        script = SERVER.format(first=json.dumps(result(welcome(), 1)).encode(), then=then[:length])
        # The client waits for its answer before it goes.
        heard = answers(tmp_path, lines(*BEGIN, conform("secret")), [sys.executable, "-c", script])
        text = heard[2]["result"]["content"][0]["text"]
        assert ("the server has ended" in text) == (length < len(then) - 1)
        assert (MASK in text) == (length == len(then) - 1)


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is in /proc")
def test_a_client_that_does_not_read_costs_no_memory(tmp_path: Path) -> None:
    with subprocess.Popen(
        wrapped(tmp_path, "-s", "mask_pii.py"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    ) as wrapper:
        assert wrapper.stdin is not None
        assert wrapper.stdout is not None
        wrapper.stdin.write(lines(*BEGIN, conform("secret")))
        wrapper.stdin.flush()
        assert b"[email]" in wrapper.stdout.readline() + wrapper.stdout.readline()
        before = resident_bytes(wrapper.pid)
        wrapper.stdin.write(lines(conform("large", 3, _meta={"progressToken": "p"})))
        wrapper.stdin.flush()
        until = time.monotonic() + WITHIN_S
        while not calls(tmp_path)[1:]:
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(1)
        assert resident_bytes(wrapper.pid) - before < 32 << 20
        # Nothing was lost meanwhile.
        steps = 0
        while b'"id":3' not in (line := wrapper.stdout.readline()):
            assert line
            steps += 1
        assert steps == 2_000
        wrapper.stdin.close()
        wrapper.stdout.close()
        assert wrapper.wait(WITHIN_S) == 0
