"""The gateway in front of a cluster, and the kubeconfig by which users go through it."""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ruamel.yaml import YAML

from tests.kubernetes.servers import write_kubeconfig
from tests.servers.forked import run
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
        printed = self._printed("kubeconfig", "--user", user, "--server", server, "--groups", ",".join(groups))
        path = self.folder / f"{user}.kubeconfig"
        path.write_text(printed.replace("command: hoopaddon\n", f"command: {program}\n"))
        return path

    def kubeconfig_with_token(self, user: str = "ada") -> Path:
        """The same with a token in it, which spares every command the program."""
        config = YAML(typ="safe").load(self.kubeconfig(user).read_text())
        token = self._printed("token", "--user", user, "--ttl", "8h").strip()
        return write_kubeconfig(
            self.folder / f"{user}-token.kubeconfig", config["clusters"][0]["cluster"], {"token": token}
        )

    def _printed(self, *command: str) -> str:
        done = run([*command, "--confdir", str(self.confdir)], cwd=self.folder, env=os.environ)
        done.check_returncode()
        return done.stdout
