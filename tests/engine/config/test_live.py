"""The file while the gateway runs: a new version takes effect as a whole, and a broken one changes nothing."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from demo.server import free_port
from hoopaddon.cli.arguments import parser
from hoopaddon.cli.run import configure
from hoopaddon.config.live import Live
from hoopaddon.errors import ConfigError
from hoopaddon.gateway import Gateway
from tests.servers.http import Upstream, exchange, get, plain
from tests.servers.postgres import APP, PostgresServer

REFUSING = "from hoopaddon import Refused\ndef command(command): raise Refused('{}')\n"


@asynccontextmanager
async def running(folder: Path, *arguments: str) -> AsyncIterator[tuple[Gateway, Live]]:
    gateway = Gateway()
    live = configure(gateway, parser().parse_args(["--confdir", str(folder / "conf"), *arguments]))
    assert live is not None
    serving = asyncio.create_task(gateway.run())
    ready = asyncio.create_task(gateway.ready.wait())
    await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    try:
        yield gateway, live
    finally:
        gateway.shutdown()  # type: ignore[no-untyped-call]
        await serving


def postgres_file(*targets: tuple[str, PostgresServer, int], more: str = "") -> str:
    text = "targets:\n"
    for name, server, port in targets:
        text += f"  {name}: {{protocol: postgres, address: '{server.host}:{server.port}', listen: {port}}}\n"
    return text + more


async def connect(
    server: PostgresServer, port: int, dbname: str = "postgres"
) -> "psycopg.AsyncConnection[tuple[object, ...]]":
    password = server.passwords[APP]
    return await psycopg.AsyncConnection.connect(
        host="127.0.0.1", port=port, user=APP, password=password, dbname=dbname, autocommit=True
    )


async def test_targets_come_and_go_and_sessions_go_on(postgres: PostgresServer, folder: Path) -> None:
    one, two = free_port(), free_port()
    path = folder / "hoopaddon.yaml"
    path.write_text(postgres_file(("a", postgres, one)))
    async with running(folder) as (gateway, live):
        (kept,) = gateway.servers.servers
        async with await connect(postgres, one) as session:
            path.write_text(postgres_file(("a", postgres, one), ("b", postgres, two)))
            await live.reload()
            assert kept in list(gateway.servers.servers)
            async with await connect(postgres, two) as other:
                path.write_text(postgres_file(("a", postgres, one)))
                await live.reload()
                # b is gone for those who come now, and not for who is there.
                assert (await (await other.execute("SELECT 1")).fetchone()) == (1,)
                with pytest.raises(psycopg.OperationalError, match="refused"):
                    await connect(postgres, two)
            # a becomes another mode at the same socket.
            path.write_text(postgres_file(("a", postgres, one), ("c", postgres, one)))
            await live.reload()
            assert list(gateway.servers.servers) == [kept]
            assert (await (await session.execute("SELECT 2")).fetchone()) == (2,)
            with pytest.raises(psycopg.OperationalError, match="no target of this gateway has this name"):
                await connect(postgres, one, "nothing")
            path.write_text(postgres_file(("a", postgres, one)))
            await live.reload()
            async with await connect(postgres, one) as again:
                assert (await (await again.execute("SELECT 3")).fetchone()) == (3,)


async def test_policies_and_options_change_with_the_file(postgres: PostgresServer, folder: Path) -> None:
    port = free_port()
    path = folder / "hoopaddon.yaml"
    (folder / "no.py").write_text(REFUSING.format("no"))
    (folder / "limit.py").write_text(
        "from hoopaddon import Refused\nfrom mitmproxy import ctx\n"
        "def load(loader): loader.add_option('why_not', str, 'default', 'Why.')\n"
        "def command(command): raise Refused(ctx.options.why_not)\n"
    )
    path.write_text(postgres_file(("a", postgres, port)))
    async with running(folder) as (gateway, live), await connect(postgres, port) as session:

        async def why() -> str:
            with pytest.raises(psycopg.Error) as caught:
                await session.execute("SELECT 1")
            return str(caught.value)

        path.write_text(postgres_file(("a", postgres, port), more="addons: [no.py]\noptions: {idle_timeout: 50}\n"))
        await live.reload()
        assert "no" in await why()
        assert gateway.options.idle_timeout == 50
        path.write_text(postgres_file(("a", postgres, port), more="addons: [limit.py: {why_not: one}]\n"))
        await live.reload()
        assert "one" in await why()
        assert gateway.options.idle_timeout == 0
        path.write_text(postgres_file(("a", postgres, port), more="addons: [limit.py: {why_not: two}]\n"))
        await live.reload()
        assert "two" in await why()
        path.write_text(postgres_file(("a", postgres, port), more="addons: [limit.py]\n"))
        await live.reload()
        assert "default" in await why()
        path.write_text(postgres_file(("a", postgres, port), more="addons: [limit.py: {shadow: true}]\n"))
        await live.reload()
        assert (await (await session.execute("SELECT 1")).fetchone()) == (1,)


BROKEN = [
    ("targets: [", r"hoopaddon\.yaml:1: is not YAML"),
    (
        "{whole}options: {{max_connections: 0, idle_timeout: 9}}\n",
        r"hoopaddon\.yaml:3: options\.max_connections: has",
    ),
    ("{whole}options: {{no_such: 1}}\n", r"hoopaddon\.yaml:3: options\.no_such: there is no such option"),
    ("{whole}options: {{store: elsewhere}}\n", r"hoopaddon\.yaml:3: options\.store: store cannot change while"),
    ("{whole}addons: [bad.py, other.py]\n", r"bad\.py:1: SyntaxError"),
    ("{whole}addons: [other.py, starts.py]\n", r"starts\.py:1: ValueError"),
    ("{whole}addons: [other.py: {{no_such: 1}}]\n", r"other\.py\.no_such: there is no such key"),
    ("{whole}addons: [picky.py: {{picky: 7}}]\noptions: {{idle_timeout: 8}}\n", r"not seven"),
    (
        "{whole}  b: {{protocol: postgres, address: h, listen: {taken}}}\naddons: [other.py]\n",
        r"is in use by another",
    ),
    ("{whole}  b: {{protocol: ssh, address: h, listen: '0.0.0.0:1'}}\naddons: [other.py]\n", r"open to everybody"),
    ("targets:\n  a: {{protocol: ssh, address: h, listen: {port}}}\naddons: [other.py]\n", r"takes a restart"),
    (
        "targets:\n  a: {{protocol: postgres, address: h, listen: {port}, user: x, password: 'env:NOT_SET'}}\n"
        "addons: [other.py]\n",
        r"environment variable NOT_SET is not set",
    ),
]


@pytest.mark.parametrize(("broken", "says"), BROKEN, ids=range(len(BROKEN)))
async def test_a_broken_version_changes_nothing(
    broken: str, says: str, postgres: PostgresServer, folder: Path
) -> None:
    port = free_port()
    whole = postgres_file(("a", postgres, port))
    path = folder / "hoopaddon.yaml"
    (folder / "own.py").write_text(REFUSING.format("own"))
    (folder / "other.py").write_text("def command(command): pass\n")
    (folder / "bad.py").write_text("def command(:")
    (folder / "starts.py").write_text("def running(): raise ValueError\ndef command(command): pass\n")
    (folder / "picky.py").write_text(
        "from mitmproxy import ctx, exceptions\n"
        "def load(loader): loader.add_option('picky', int, 1, 'Any but 7.')\n"
        "def configure(updated):\n"
        "    if ctx.options.picky == 7: raise exceptions.OptionsError('picky: not seven')\n"
        "def command(command): pass\n"
    )
    path.write_text(f"{whole}addons: [own.py]\n")
    async with running(folder) as (gateway, live), await connect(postgres, port) as session:
        blocker = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        taken = blocker.sockets[0].getsockname()[1]
        before = (gateway.chain.policies, gateway.options.keys(), gateway.servers.listen_addrs())
        values = {name: getattr(gateway.options, name) for name in gateway.options.keys()}  # noqa: SIM118
        path.write_text(broken.format(whole=whole, taken=taken, port=port))
        with pytest.raises(ConfigError, match=says):
            await live.reload()
        assert gateway.chain.policies == before[0]
        assert {name: getattr(gateway.options, name) for name in values} == values
        assert gateway.options.keys() == values.keys()
        assert gateway.options.deferred == {}
        assert gateway.servers.listen_addrs() == before[2]
        async with await connect(postgres, port) as new:
            for one in (session, new):
                with pytest.raises(psycopg.Error, match="own"):
                    await one.execute("SELECT 1")
        path.write_text(f"{whole}addons: [other.py]\n")
        await live.reload()
        assert (await (await session.execute("SELECT 1")).fetchone()) == (1,)
        blocker.close()


async def test_requests_on_open_connections_follow_the_file(folder: Path) -> None:
    path, port = folder / "hoopaddon.yaml", free_port()
    async with Upstream(plain(b"first")) as one, Upstream(plain(b"second")) as two:

        def file(*targets: tuple[str, int]) -> str:
            lines = (
                f"  {name}: {{protocol: http, address: 'http://127.0.0.1:{to}', path: /{name}, listen: {port}}}\n"
                for name, to in targets
            )
            return "targets:\n" + "".join(lines)

        path.write_text(file(("a", one.port), ("b", two.port)))
        async with running(folder) as (_, live):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)

            async def ask(what: str) -> bytes:
                writer.write(f"GET {what} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                assert found
                return head.split()[1] + b" " + (await reader.readexactly(int(found[1])))[:40]

            assert await ask("/a/") == b"200 first"
            path.write_text(file(("a", two.port)))
            await live.reload()
            assert await ask("/a/") == b"200 second"
            assert (await ask("/b/")).startswith(b"404")
            # The listener goes, and whoever is connected still gets nothing but that there is no target.
            path.write_text("targets: {}\n")
            await live.reload()
            assert (await ask("/a/")).startswith(b"404")
            writer.write(f"GET http://127.0.0.1:{one.port}/ HTTP/1.1\r\nHost: 127.0.0.1:{one.port}\r\n\r\n".encode())
            assert (await reader.readuntil(b"\r\n\r\n")).split()[1] == b"404"
            writer.close()
            with pytest.raises(OSError, match=r"."):
                await exchange(("127.0.0.1", port), get("/a/"))


async def test_the_watcher_reloads_and_reports(
    postgres: PostgresServer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path, port = folder / "hoopaddon.yaml", free_port()
    path.write_text(whole := postgres_file(("a", postgres, port)))
    async with running(folder) as (gateway, live):
        watching = asyncio.create_task(live.watch())
        for text, says in (
            (whole + "addons: [none.py]\n", "hoopaddon.yaml:3: addons[1]: no such script"),
            (whole + "options: {idle_timeout: 7}\n", "hoopaddon.yaml reloaded."),
        ):
            path.write_text(text)
            async with asyncio.timeout(20):
                while says not in caplog.text:
                    await asyncio.sleep(0.05)
        assert gateway.options.idle_timeout == 7
        path.unlink()
        async with asyncio.timeout(20):
            while "is gone; what it said stays in force" not in caplog.text:
                await asyncio.sleep(0.05)
        watching.cancel()


async def ask_all_the_time(
    postgres: PostgresServer, port: int, seen: list[str], over: asyncio.Event, *, anew: bool
) -> None:
    """What is said to each statement, on one session or on a new one for each."""
    session = await connect(postgres, port)
    while not over.is_set():
        try:
            await session.execute("SELECT 1")
            seen.append("passed")
        except psycopg.Error as e:
            seen.append(re.findall("<.*>", str(e))[0] if "<" in str(e) else str(e))
        if anew:
            await session.close()
            session = await connect(postgres, port)
    await session.close()


VERSIONS = 20


def version(n: int, postgres: PostgresServer, port: int) -> str:
    """A file whose policy says its number, with options of the same number, and another target each time."""
    other = f"  b{n}: {{protocol: postgres, address: '{postgres.host}:{postgres.port}', listen: {port}}}\n"
    more = f"addons: [p{n}.py]\noptions: {{idle_timeout: {n + 100}, login_failures: {n + 100}}}\n"
    return postgres_file(("postgres", postgres, port)) + other + more


async def test_under_load_there_is_no_instant_without_policy_or_with_half_a_file(
    postgres: PostgresServer, folder: Path
) -> None:
    path, port = folder / "hoopaddon.yaml", free_port()
    for n in range(VERSIONS + 1):
        (folder / f"p{n}.py").write_text(
            "from hoopaddon import Refused\nfrom mitmproxy import ctx\n"
            "def command(command):\n"
            f"    raise Refused(f'<{n} {{ctx.options.idle_timeout}} {{ctx.options.login_failures}}>')\n"
        )
    path.write_text(version(0, postgres, port))
    seen: list[str] = []
    over = asyncio.Event()
    async with running(folder) as (_, live):
        clients = [
            asyncio.create_task(ask_all_the_time(postgres, port, seen, over, anew=n % 2 == 0)) for n in range(6)
        ]
        for n in range(1, VERSIONS + 1):
            if n % 5 == 0:
                path.write_text("addons: [")
                with pytest.raises(ConfigError):
                    await live.reload()
            path.write_text(version(n, postgres, port))
            await live.reload()
            await asyncio.sleep(0.02)
        over.set()
        await asyncio.gather(*clients)
    assert set(seen) <= {f"<{n} {n + 100} {n + 100}>" for n in range(VERSIONS + 1)}
    assert len(set(seen)) > VERSIONS // 2
