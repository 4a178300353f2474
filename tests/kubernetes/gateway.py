"""The gateway in front of a cluster, and the kubeconfig by which users go through it."""

import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.servers.gateway import GatewayProcess


class KubeGateway(GatewayProcess):
    """In front of what a kubeconfig's context is; see `GatewayProcess` for what else it takes."""

    def __init__(self, upstream: Path, context: str, folder: Path, **how: Any) -> None:
        self._context = context
        super().__init__(folder, settings={"kubeconfig": upstream, **how.pop("settings", {})}, **how)

    @property
    def target(self) -> str:
        return f"kubernetes:{self._context}"

    def kubeconfig(self, user: str = "ada", *groups: str) -> Path:
        """What `hoopaddon kubeconfig` prints, with a program that is found wherever this one is."""
        program = self.folder / "hoopaddon"
        program.write_text(f'#!/bin/sh\nexec {quote(sys.executable)} -m hoopaddon "$@"\n')
        program.chmod(0o700)
        server = f"https://{self.host}:{self.port}"
        told = ["--user", user, "--server", server, "--confdir", str(self.confdir), "--groups", ",".join(groups)]
        command = [sys.executable, "-m", "hoopaddon", "kubeconfig", *told]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        path = self.folder / f"{user}.kubeconfig"
        path.write_text(printed.replace("command: hoopaddon\n", f"command: {program}\n"))
        return path
