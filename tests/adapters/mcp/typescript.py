"""The TypeScript SDK's client, as a program."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.servers.clients import node_modules
from tests.servers.missing import program

ROOT = Path(__file__).parents[3]


def typescript(folder: Path, *server: str) -> dict[str, Any]:
    """What it has heard from a server: a command line, or a URL."""
    # Modules are looked for beside the script.
    script = folder / "client.mjs"
    script.write_text((Path(__file__).parent / "client.mjs").read_text())
    (folder / "node_modules").symlink_to(node_modules("@modelcontextprotocol/sdk"))
    command = [str(program("node")), str(script), *server]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, text=True, check=True)
    heard: dict[str, Any] = json.loads(run.stdout)
    return heard
