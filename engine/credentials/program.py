"""`exec:PROGRAM ARGUMENTS`: what a program prints, as `pass` and the command lines of password safes do."""

import asyncio
import logging
import os
import shlex
import signal
from contextlib import suppress

from mitmproxy import ctx

from hoopaddon.credential import MAX_SECRET_BYTES, Credential, CredentialUnavailable, Secret
from hoopaddon.errors import ConfigError

logger = logging.getLogger(__name__)

ENVIRONMENT = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "GNUPGHOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
]
"""What a program sees of the gateway's environment, beside what `credential_exec_env` names."""
MAX_SAID_BYTES = 4096
LEFT_BEHIND_S = 0.2
POLL_S = 0.01


class ProgramProvider:
    """See the module. No shell reads the line; what the program says on stderr is shown with `-v` alone."""

    def check(self, place: str) -> None:
        """See `Provider`."""
        try:
            words = shlex.split(place)
        except ValueError:
            words = []
        if not words or not words[0] or "\0" in place:
            hint = "write exec:PROGRAM ARGUMENT …, quoted as in a shell, which does not run it"
            raise ConfigError("is no command line", hint=hint)

    async def fetch(self, place: str) -> Credential:
        """See `Provider`."""
        self.check(place)
        words = shlex.split(place)
        environment = _environment()
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                start_new_session=True,
                limit=MAX_SECRET_BYTES,
            )
        except OSError as e:
            raise CredentialUnavailable(f"cannot run {words[0]}: {e.strerror}") from None
        try:
            printed, said = await _output(process)
        finally:
            _end(process)
        _log_said(words[0], said, (printed.decode(errors="replace"), *environment.values()))
        if len(printed) > MAX_SECRET_BYTES:
            raise CredentialUnavailable(f"{words[0]} prints more than any secret is long")
        if process.returncode:
            raise CredentialUnavailable(f"{words[0]} ends with {process.returncode}; -v shows what it says")
        try:
            text = printed.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise CredentialUnavailable(f"{words[0]} prints what is not UTF-8 text") from None
        if not text:
            raise CredentialUnavailable(f"{words[0]} prints nothing")
        return Credential(Secret(text))


def _environment() -> dict[str, str]:
    named = ctx.options.credential_exec_env if hasattr(ctx, "options") else ()
    return {name: os.environ[name] for name in (*ENVIRONMENT, *named) if name in os.environ}


async def _output(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """What it prints, and the beginning of what it says; one that prints too much is ended."""
    if process.stdout is None or process.stderr is None:
        raise CredentialUnavailable("there is no pipe to the program")
    printing = asyncio.ensure_future(_beginning(process.stdout, MAX_SECRET_BYTES + 1, process))
    saying = asyncio.ensure_future(_beginning(process.stderr, MAX_SAID_BYTES))
    try:
        # `wait` returns no sooner than the pipes are closed, which something left behind may hold open.
        while process.returncode is None:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        _kill(process)
        await asyncio.wait({printing, saying}, timeout=LEFT_BEHIND_S)
        return (printing.result() if printing.done() else b""), (saying.result() if saying.done() else b"")
    finally:
        printing.cancel()
        saying.cancel()


async def _beginning(
    stream: asyncio.StreamReader, limit_bytes: int, too_much: asyncio.subprocess.Process | None = None
) -> bytes:
    kept = bytearray()
    while data := await stream.read(MAX_SAID_BYTES):
        kept += data[: limit_bytes - len(kept)]
        if too_much is not None and len(kept) >= limit_bytes:
            _kill(too_much)
            break
    return bytes(kept)


def _kill(process: asyncio.subprocess.Process) -> None:
    """End what the program has started, and with it the program."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: asyncio.subprocess.Process) -> None:
    _kill(process)
    # asyncio keeps its ends of the pipes for as long as anybody has the others.
    process._transport.close()  # type: ignore[attr-defined]


def _log_said(program: str, said: bytes, secrets: tuple[str, ...]) -> None:
    text = said.decode(errors="replace").strip()
    for line in (line for secret in secrets for line in secret.splitlines()):
        # A program that traces itself says its secret, too.
        if len(line) > 3:
            text = text.replace(line, "***")
    if text:
        logger.debug("%s says: %s", program, "".join(c if c.isprintable() else " " for c in text))
