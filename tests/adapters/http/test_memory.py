"""Large bodies, both ways: memory stays flat."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.servers.missing import program
from tests.servers.plain_http import HttpGateway, Target

MOST_GROWTH_KB = 48 << 10
"""Of some hundred megabytes that pass."""

EDITS = """
def output(output):
    output.text = output.text.replace("secret", "[masked]")
"""


def peak_kb(pid: int) -> int:
    """The most memory that a process has had (Linux)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize("script", ["", EDITS], ids=["as it is", "edited"])
def test_memory_is_flat(tmp_path: Path, version: str, script: str) -> None:
    curl = program("curl")
    scripts = [script] if script else []
    with Target() as target, HttpGateway(target, tmp_path, scripts=scripts) as gateway:
        url = f"http://127.0.0.1:{gateway.port}"

        def run(*arguments: str, given: bytes = b"") -> str:
            told = "%{http_code} %{size_download} %{size_upload}"
            command = [str(curl), "-sS", version, "-o", str(tmp_path / "out"), "-w", told, *arguments]
            return subprocess.run(command, input=given, capture_output=True, timeout=60).stdout.decode()

        assert run(f"{url}/small").startswith("200 ")
        before = peak_kb(gateway.pid)
        assert run(f"{url}/large") == f"200 {2_000 * 65_536} 0"
        octets = ("-H", "Content-Type: application/octet-stream", "--data-binary", "@-")
        upload = bytes(64 << 20)
        assert run(*octets, f"{url}/upload", given=upload).endswith(f" {len(upload)}")
        assert peak_kb(gateway.pid) - before < MOST_GROWTH_KB
