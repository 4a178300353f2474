"""A command line on a target that speaks SSH, through the gateway."""

import asyncio
from typing import Any

import asyncssh

from hoopaddon.adapters.mcp.serve.calls import Refusal
from hoopaddon.adapters.mcp.serve.texts import limited


async def run_shell(port: int, user: str, token: str | None, command: str) -> Any:
    """What the command prints, and how it ends. Raises `Refusal`."""
    login: dict[str, Any] = {"username": user}
    if token is not None:
        login |= {"password": token, "client_keys": None, "agent_path": None}
    try:
        # The gateway of this very process listens there: nobody else can.
        async with asyncssh.connect("127.0.0.1", port, known_hosts=None, config=None, **login) as connection:
            process = await connection.create_process(
                command, stdin=asyncssh.DEVNULL, encoding="utf-8", errors="replace"
            )
            out, err = await asyncio.gather(limited(process.stdout.read), limited(process.stderr.read))
            await process.wait_closed()
            return {
                "stdout": out,
                "stderr": err,
                "exit_status": process.exit_status,
                **({"signal": process.exit_signal[0]} if process.exit_signal else {}),
            }
    except (asyncssh.Error, OSError) as e:
        raise Refusal(getattr(e, "reason", "") or type(e).__name__) from None
