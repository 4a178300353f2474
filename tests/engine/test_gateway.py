"""The gateway as a whole: its chain, its options, its start and its end."""

import asyncio
import inspect
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import cast

import httpx2
import pytest
from mitmproxy import ctx, http
from mitmproxy.exceptions import OptionsError

from hoopaddon import Command, ConfigError, Decision, Outcome, Refused, Session, Target, User, Verdict, event_loop
from hoopaddon.approval import ApprovalRequest
from hoopaddon.gateway import Gateway, serving
from hoopaddon.options import Options
from hoopaddon.policy import deadline
from hoopaddon.policy.chain import Chain
from tests.servers.http import SECRET, Upstream, chunks, exchange, get


@pytest.fixture(scope="module")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("conf"))


def this_gateway() -> Gateway:
    return cast(Gateway, ctx.master)


async def judge(gateway: Gateway) -> Verdict:
    verdict = gateway.chain.judge(Command(Session(User("u"), Target("t", "p", "a")), "x"))
    return await verdict if inspect.isawaitable(verdict) else verdict


class Refuses:
    def command(self, command: Command) -> None:
        raise Refused("no")


class Holds:
    async def command(self, command: Command) -> None:
        await command.approve("please")


class Approves:
    def ask(self, request: ApprovalRequest) -> Awaitable[Decision]:
        async def yes() -> Decision:
            return Decision(True, ("boss",), request.reason)

        return yes()


async def test_adapters_and_mitmproxys_own_addons_are_no_policies(confdir: str) -> None:
    async with serving(confdir=confdir, addons=[Refuses()]) as gateway:
        assert [policy.name for policy in gateway.chain.policies if policy.hooks] == ["Refuses"]
        assert "postgres" in gateway.addons.lookup


async def test_the_gateway_is_where_adapters_look_for_it(confdir: str, tmp_path: Path) -> None:
    async with serving(confdir=confdir) as gateway:
        assert ctx.master is gateway
        assert ctx.options is gateway.options
        assert str(gateway.confdir) == confdir
    options = Options()
    assert options.confdir_path == Path.home() / ".hoopaddon"
    assert (options.listen_host, options.mode) == ("127.0.0.1", [])


async def test_a_chain_is_replaced_and_never_changed(confdir: str) -> None:
    chains: list[Chain] = []

    def note(chain: Chain) -> None:
        chains.append(chain)

    async with serving(confdir=confdir) as gateway:
        gateway.chain_changed.connect(note)
        before = gateway.chain
        gateway.addons.add(Refuses())
        assert gateway.chain is not before
        assert before.policies == ()
        assert (await judge(gateway)).outcome is Outcome.REFUSED
        gateway.options.policy_timeout = "0.5"
        assert [chain.timeout_s for chain in chains[-1:]] == [0.5]
        assert gateway.chain is chains[-1]
        assert gateway.watchdog.timeout_ns == 500_000_000


async def test_the_approver_can_be_replaced(confdir: str) -> None:
    async with serving(confdir=confdir, addons=[Holds()]) as gateway:
        gateway.approver = Approves()
        assert (await judge(gateway)).outcome is Outcome.APPROVED
        gateway.approver = None
        assert (await judge(gateway)).outcome is Outcome.DENIED


async def test_without_another_approver_the_store_is_asked(confdir: str, tmp_path: Path) -> None:
    async with serving(confdir=confdir, addons=[Holds()], store=str(tmp_path)) as gateway:
        judging = asyncio.create_task(judge(gateway))
        await asyncio.sleep(0.3)
        assert not judging.done()
        assert (tmp_path / "approvals.db").exists()
        judging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await judging


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("policy_timeout", "0"),
        ("policy_timeout", "nan"),
        ("policy_timeout", "inf"),
        ("policy_timeout", "soon"),
        ("shutdown_timeout", -1),
        ("idle_timeout", -1),
        ("max_connections", 0),
    ],
)
async def test_a_limit_that_is_none_is_refused(confdir: str, name: str, value: object) -> None:
    async with serving(confdir=confdir) as gateway:
        before = getattr(gateway.options, name)
        with pytest.raises(OptionsError, match=name):
            gateway.options.update(**{name: value})
        assert getattr(gateway.options, name) == before


# -- start and end


async def test_policies_are_running_before_anybody_can_connect(confdir: str) -> None:
    listening: list[bool] = []

    class Slow:
        async def running(self) -> None:
            await asyncio.sleep(0.05)
            listening.append(bool(this_gateway().servers.listen_addrs()))

    async with serving(modes=["regular@0"], confdir=confdir, addons=[Slow()]) as gateway:
        assert listening == [False]
        assert gateway.servers.listen_addrs()


async def test_a_policy_that_does_not_start_ends_the_gateway(confdir: str) -> None:
    class Broken:
        def running(self) -> None:
            raise ValueError("no store")

    with pytest.raises(OptionsError, match=r"Broken: running raised ValueError at .*: no store"):
        async with serving(modes=["regular@0"], confdir=confdir, addons=[Broken()]):
            pass


async def test_a_policy_that_takes_forever_to_start_ends_the_gateway(
    confdir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "LIFECYCLE_LIMIT_S", 0.2)

    class Stuck:
        def running(self) -> None:
            while True:
                pass

    class Waits:
        async def running(self) -> None:
            await asyncio.sleep(60)

    for policy in (Stuck(), Waits()):
        with pytest.raises(OptionsError, match=r"running took longer than 0\.2 s"):
            async with serving(modes=["regular@0"], confdir=confdir, addons=[policy]):
                pass


async def test_a_policy_that_does_not_end_stops_nobody_else(confdir: str) -> None:
    ended: list[str] = []

    class Broken:
        def done(self) -> None:
            raise ValueError

    class Good:
        async def done(self) -> None:
            ended.append("good")

    async with serving(confdir=confdir, addons=[Broken(), Good()]):
        pass
    assert ended == ["good"]


async def test_one_listener_that_fails_takes_the_others_with_it(confdir: str) -> None:
    async with Upstream() as taken:
        modes = ["regular@0", f"regular@{taken.port}"]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{taken.port} is in use by another program"):
            async with serving(modes=modes, confdir=confdir):
                pass
        assert list(this_gateway().servers.servers) == []


async def test_what_is_in_flight_at_shutdown_may_finish(confdir: str) -> None:
    slow = chunks(*[SECRET] * 5, pause_s=0.1)
    async with Upstream(slow) as upstream:
        mode = f"reverse:http://127.0.0.1:{upstream.port}@0"
        async with serving(modes=[mode], confdir=confdir) as gateway:
            host, port, *_ = gateway.servers.listen_addrs()[0]
            asking = asyncio.create_task(exchange((host, port), get()))
            idle = asyncio.create_task(exchange((host, port), b""))
            await asyncio.sleep(0.2)
        assert (await asking).count(SECRET) == 5
        assert await idle == b""
        with pytest.raises(ConnectionRefusedError):
            await exchange((host, port), get())


async def test_what_takes_too_long_at_shutdown_is_cut(confdir: str) -> None:
    slow = chunks(*[SECRET] * 100, pause_s=0.1)
    async with Upstream(slow) as upstream:
        mode = f"reverse:http://127.0.0.1:{upstream.port}@0"
        async with serving(modes=[mode], confdir=confdir, shutdown_timeout=1, stream_large_bodies="1") as gateway:
            host, port, *_ = gateway.servers.listen_addrs()[0]
            asking = asyncio.create_task(exchange((host, port), get()))
            await asyncio.sleep(0.2)
            began = time.monotonic()
        assert time.monotonic() - began < 3
        assert not (await asking).endswith(b"0\r\n\r\n")


# -- the loop


@pytest.mark.parametrize(("wanted", "module"), [("", "uvloop"), ("asyncio", "asyncio.unix_events")])
def test_the_gateway_serves_on_either_loop(
    monkeypatch: pytest.MonkeyPatch, wanted: str, module: str, confdir: str
) -> None:
    if module == "uvloop":
        pytest.importorskip("uvloop")
    monkeypatch.setenv(event_loop.LOOP_VARIABLE, wanted)

    class Stuck:
        def request(self, flow: http.HTTPFlow) -> None:
            while flow.request.path == "/stuck":
                pass

    async def main() -> tuple[str, bytes, bytes]:
        async with Upstream() as upstream:
            mode = f"reverse:http://127.0.0.1:{upstream.port}@0"
            how = {"confdir": confdir, "policy_timeout": "0.2"}
            async with serving(modes=[mode], addons=[Stuck()], **how) as gateway:
                host, port, *_ = gateway.servers.listen_addrs()[0]
                loop = type(gateway.event_loop).__module__
                return loop, await exchange((host, port), get("/stuck")), await exchange((host, port), get())

    loop, stuck, answer = event_loop.run(main())
    assert loop == module
    assert stuck.startswith(b"HTTP/1.1 502 ")
    assert answer.endswith(SECRET)


@pytest.mark.parametrize("wanted", ["", "asyncio"])
def test_tasks_are_eager_and_keep_their_arguments(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv(event_loop.LOOP_VARIABLE, wanted)

    async def main() -> list[str]:
        order: list[str] = []

        async def child(name: str) -> None:
            order.append(f"{name} began")
            await asyncio.sleep(0)
            order.append(f"{name} ended")

        with event_loop.eager_tasks():
            first = asyncio.create_task(child("first"), name="number one")
            order.append(first.get_name())
            await first
        second = asyncio.create_task(child("second"))
        order.append("created")
        await second
        return order

    assert event_loop.run(main()) == [
        "first began",
        "number one",
        "first ended",
        "created",
        "second began",
        "second ended",
    ]


@pytest.mark.parametrize("wanted", ["", "asyncio"])
def test_the_gateway_can_make_requests_of_its_own(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    # anyio, below httpx2, finds its task groups broken where its tasks begin too soon.
    monkeypatch.setenv(event_loop.LOOP_VARIABLE, wanted)

    async def main() -> bytes:
        async with Upstream() as upstream:
            with event_loop.eager_tasks():
                async with httpx2.AsyncClient(trust_env=False) as client:
                    answer = await client.get(f"http://127.0.0.1:{upstream.port}/")
        return answer.content

    assert event_loop.run(main()) == SECRET
