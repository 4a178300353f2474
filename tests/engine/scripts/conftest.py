"""A gateway without a listener, whose scripts a test saves and whose verdicts it asks for."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hoopaddon import Command, Session, Target, User, Verdict
from hoopaddon.gateway import Gateway, serving
from hoopaddon.scripts import loader

WITHIN_S = 10


class Scripts:
    """A folder of scripts, and the gateway that has some of them in force."""

    def __init__(self, folder: Path, gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
        self.folder = folder
        self.gateway = gateway
        self._caplog = caplog

    def save(self, name: str, text: str) -> None:
        write(self.folder / name, text)

    async def judge(self, text: str = "x") -> Verdict:
        session = Session(User("u"), Target("t", "p", "a"))
        verdict = self.gateway.chain.judge(Command(session, text))
        return await verdict if inspect.isawaitable(verdict) else verdict

    async def reason(self) -> str:
        return (await self.judge()).reason

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait for what the watcher does."""
        for _ in range(WITHIN_S * 100):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"did not happen; the log:\n{self.log}")

    async def until_logged(self, words: str) -> str:
        await self.until(lambda: words in self.log)
        return next(line for line in self.log.splitlines() if words in line)

    async def until_reason(self, reason: str) -> None:
        for _ in range(WITHIN_S * 100):
            if await self.reason() == reason:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"never {reason!r}, but {await self.reason()!r}; the log:\n{self.log}")

    @property
    def log(self) -> str:
        return "\n".join(record.getMessage() for record in self._caplog.records)


type Start = Callable[..., AbstractAsyncContextManager[Scripts]]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))


@pytest.fixture
def start(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Start:
    """Start with these scripts in force: `start({"a.py": "..."})`; other files by `beside`."""
    monkeypatch.setattr(loader, "LOOK_EVERY_S", 0.02)
    caplog.set_level("INFO")
    confdir = tmp_path_factory.getbasetemp() / "conf"

    @asynccontextmanager
    async def started(
        scripts: dict[str, str] | None = None,
        beside: dict[str, str] | None = None,
        shadow: dict[str, str] | None = None,
        **options: Any,
    ) -> AsyncIterator[Scripts]:
        for name, text in {**(scripts or {}), **(beside or {}), **(shadow or {})}.items():
            write(tmp_path / name, text)
        paths = [tmp_path / name for name in scripts or {}]
        in_shadow = [str(tmp_path / name) for name in shadow or {}]
        async with serving(scripts=paths, shadow=in_shadow, confdir=str(confdir), **options) as gateway:
            yield Scripts(tmp_path, gateway, caplog)

    return started


@pytest.fixture
def refusal(start: Start, tmp_path: Path) -> Callable[..., Any]:
    """What the gateway says when it does not start with these scripts."""
    from mitmproxy.exceptions import OptionsError

    async def why(scripts: dict[str, str], **how: Any) -> str:
        with pytest.raises(OptionsError) as refused:
            async with start(scripts, **how):
                pass
        return str(refused.value).replace(f"{tmp_path}/", "")

    return why
