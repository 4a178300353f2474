"""`python -m demo.ssh_stand_in HOST PORT FOLDER`: asyncssh's server, which runs commands of whoever has the key."""

import asyncio
import sys
from pathlib import Path

import asyncssh


async def _run(process: "asyncssh.SSHServerProcess[bytes]") -> None:
    line = ["-c", process.command] if process.command else []
    program = await asyncio.create_subprocess_exec(
        "/bin/sh",
        *line,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.redirect(program.stdin, program.stdout, program.stderr)
    process.exit(await program.wait())


async def main(host: str, port: int, folder: Path) -> None:
    """Serve until somebody ends it."""
    keys = asyncssh.import_authorized_keys((folder / "login_key.pub").read_text())
    await asyncssh.listen(
        host,
        port,
        server_host_keys=[folder / "host_key"],
        authorized_client_keys=keys,
        process_factory=_run,
        sftp_factory=True,
        encoding=None,
    )
    print(f"Server listening on {host} port {port}.", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
