"""Run the double: `python -m tests.kubernetes.double --port PORT FOLDER`.

FOLDER has what a server starts from (`ca.crt`, `server.crt`, `server.key`, `users.json`) and gets its audit log.
SIGUSR1 makes it forget its history.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from tests.kubernetes.double.api.audit import Audit
from tests.kubernetes.double.api.identity import AUTHENTICATED, Tokens, User
from tests.kubernetes.double.api.server import ApiServer
from tests.kubernetes.double.objects.bootstrap import bootstrap
from tests.kubernetes.double.objects.cluster import Cluster
from tests.kubernetes.double.objects.controllers import Controllers
from tests.kubernetes.double.remote.connect import Connections
from tests.kubernetes.double.remote.kubelet import Kubelet
from tests.kubernetes.double.web.listener import listen, server_context


async def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    cluster = Cluster()
    controllers = Controllers(cluster, (folder / "ca.crt").read_text())
    kubelet = Kubelet(cluster, folder / "pods")
    users = json.loads((folder / "users.json").read_text())
    tokens = Tokens(
        {one["token"]: User(one["name"], (*one["groups"], AUTHENTICATED)) for one in users if one["token"]}
    )
    bootstrap(cluster, {one["name"]: one["role"] for one in users if one["role"]})
    server = ApiServer(cluster, tokens, Audit(folder / "audit.log"), Connections(kubelet))
    tls = server_context(folder / "server.crt", folder / "server.key", folder / "ca.crt")
    listening = await listen(arguments.host, arguments.port, tls, server.handle)
    running = [asyncio.ensure_future(controllers.run()), asyncio.ensure_future(kubelet.run())]
    ended = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, ended.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, cluster.storage.compact)
    print(f"listening at {arguments.host}:{arguments.port}", flush=True)
    stopped = asyncio.ensure_future(ended.wait())
    await asyncio.wait((stopped, *running), return_when=asyncio.FIRST_COMPLETED)
    listening.close()
    for task in running:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    sys.stdout.flush()
    sys.stderr.flush()
    # At once: programs that still run in pods have nobody left, and asyncio would complain about their pipes.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
