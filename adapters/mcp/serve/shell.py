"""A command line on a target that speaks SSH, through the gateway."""

import asyncio
from typing import Any

import asyncssh

from hoopaddon.adapters.mcp.serve.calls import Refusal

MAX_TEXT = 200_000
_READ = 1 << 14


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
            out, err = await asyncio.gather(_read(process.stdout), _read(process.stderr))
            await process.wait_closed()
            return {
                "stdout": out,
                "stderr": err,
                "exit_status": process.exit_status,
                **({"signal": process.exit_signal[0]} if process.exit_signal else {}),
            }
    except (asyncssh.Error, OSError) as e:
        raise Refusal(getattr(e, "reason", "") or type(e).__name__) from None


async def _read(stream: "asyncssh.SSHReader[str]") -> str:
    """The text up to the limit; what is beyond it is read and dropped, so that the program can end."""
    kept, size = [], 0
    while text := await stream.read(_READ):
        if size < MAX_TEXT:
            kept.append(text[: MAX_TEXT - size])
        size += len(text)
    whole = "".join(kept)
    return whole if size <= MAX_TEXT else f"{whole}\n[cut: {size - MAX_TEXT} characters more]"
