"""Results that are kept from the client, where every cancel comes too late: the hardest case there is."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon.adapters.postgres.session.conversation import PostgresConversation
from hoopaddon.errors import HoopaddonError
from tests.adapters.postgres.session.model import Model, Portal, ServerError
from tests.adapters.postgres.session.play import Player, Withholds, conversation, play, shown
from tests.adapters.postgres.session.test_hypothesis_pipelines import MESSAGES, ORDERS, SIZES
from tests.adapters.postgres.wire import FLUSH, SYNC, bind, execute, parse, query, run

SECRET = "SELECT secret"
TEXTS = st.sampled_from([SECRET, SECRET, "SELECT 1", "INSERT a", "INSERT b", "BEGIN", "COMMIT", "ROLLBACK", "FAIL"])
LIMITED = st.builds(
    lambda text, limit: parse("", text) + bind() + execute("", limit) + SYNC, TEXTS, st.integers(0, 3)
)
UNITS = st.one_of(
    st.builds(query, TEXTS),
    st.builds(lambda text: run(text) + SYNC, TEXTS),
    st.builds(lambda text: parse("", text) + bind() + execute() + SYNC, TEXTS),
    LIMITED,
)
SCRIPTS = st.lists(
    st.one_of(MESSAGES, st.builds(parse, st.sampled_from(["", "a"]), st.just(SECRET)), st.just(query(SECRET))),
    min_size=1,
    max_size=24,
).map(lambda messages: b"".join(messages) + SYNC)


class Refusing(Model):
    """The server that the client is to believe in: one that fails instead of giving secrets."""

    def _run(self, portal: Portal, limit: int) -> bytes:
        if "secret" in portal.text:
            raise ServerError("42501")
        return super()._run(portal, limit)


async def too_late() -> None:
    await asyncio.sleep(0)


def seen(received: bytes) -> list[tuple[str, str]]:
    """Without descriptions: a simple query's comes before its rows are refused."""
    return [
        (kind, "no" if meaning in ("42501", "25P02") else meaning) for kind, meaning in shown(received) if kind != "T"
    ]


@given(units=st.lists(UNITS, min_size=1, max_size=10), server_size=st.integers(0, 20), awaits=st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_client_that_waits_sees_a_server_that_fails(units: list[bytes], server_size: int, awaits: bool) -> None:
    reference = Refusing()
    expected = seen(b"".join(reference.feed(unit) for unit in units))
    policy = Withholds(awaits=awaits)

    async def whole() -> Player:
        player = Player(conversation(policy, cancel=too_late), Model())
        for unit in units:
            player.client(unit)
            await player.settle(server_size)
        await player.end()
        return player

    player = asyncio.run(whole())
    assert seen(player.received) == expected
    assert (player.model.status, player.model.done) == (reference.status, reference.done)
    assert len({id(command) for command in policy.ended}) == len(policy.ended) == len(policy.judged)


@given(data=SCRIPTS, sizes=SIZES, order=ORDERS, server_size=st.integers(0, 20), awaits=st.booleans())
@settings(max_examples=400, deadline=None)
def test_nothing_secret_arrives_and_what_is_said_is_true(
    data: bytes, sizes: list[int], order: list[bool], server_size: int, awaits: bool
) -> None:
    policy = Withholds(awaits=awaits)
    model = Model()
    player = None
    # The session may end where the client has sent ahead in a transaction.
    with contextlib.suppress(HoopaddonError):
        player = play(
            data,
            [policy],
            sizes=sizes,
            server_first=lambda n: order[n % len(order)],
            server_size=server_size,
            model=model,
            cancel=too_late,
        )
    if player is not None:
        assert b"secret" not in player.received
        told = shown(player.received)
        assert told[-1] == ("Z", model.status)
        # After an error in a pipeline there is nothing up to its end.
        behind = [one for one, other in zip(told[1:], told, strict=False) if other[0] == "E"]
        assert {kind for kind, _ in behind} <= {"Z"}
    assert len({id(command) for command in policy.ended}) == len(policy.ended)
    assert len(policy.ended) >= len(policy.judged)


def test_every_boundary() -> None:
    data = run("INSERT a") + run(SECRET) + FLUSH + run("INSERT b") + SYNC + query("BEGIN") + query("SELECT 1")
    for boundary in range(1, 120):
        player = play(data, [Withholds()], server_size=boundary, cancel=too_late)
        assert "".join(kind for kind, _ in shown(player.received)) == "12nC12TEZCZTDDDCZ", boundary
        assert player.model.done == ["INSERT a", "INSERT b"]
        assert b"2 behind it" not in player.received
        assert b"1 behind it" in player.received


def test_without_a_key_only_what_has_come_whole_is_swallowed() -> None:
    assert [kind for kind, _ in shown(play(query(SECRET), [Withholds()]).received)] == ["T", "E", "Z"]
    with pytest.raises(HoopaddonError, match="cannot be stopped"):
        play(query(SECRET), [Withholds()], server_size=60)


async def cut_short(
    cancel: Callable[[], Awaitable[None]],
) -> tuple[PostgresConversation, Callable[[], None]]:
    """A conversation whose cancel is on its way, and what delivers the rest of the result."""
    talk = conversation(Withholds(), cancel=cancel)
    talk.client_data(query(SECRET))
    answer = Model().feed(b"".join(talk.to_server))
    talk.to_server.clear()
    talk.server_data(answer[:60])
    await asyncio.sleep(0)
    return talk, lambda: talk.server_data(answer[60:])


async def test_what_is_sent_waits_until_the_cancel_has_arrived() -> None:
    arrived = asyncio.Event()

    async def cancel() -> None:
        await arrived.wait()

    talk, deliver_rest = await cut_short(cancel)
    deliver_rest()
    assert [kind for kind, _ in shown(b"".join(talk.to_client))] == ["T", "E", "Z"]
    talk.client_data(query("SELECT 1"))
    assert talk.to_server == []
    assert talk.client_wait is not None
    arrived.set()
    await talk.client_wait
    talk.resume_client()
    assert talk.to_server == [query("SELECT 1")]
    talk.closed()


async def test_a_cancel_that_is_no_longer_wanted_is_not_sent() -> None:
    asked: list[int] = []

    async def cancel() -> None:
        asked.append(1)

    talk = conversation(Withholds(), cancel=cancel)
    talk.client_data(query(SECRET))
    answer = Model().feed(b"".join(talk.to_server))
    # All of it comes before the cancel had its turn.
    talk.server_data(answer[:60])
    talk.server_data(answer[60:])
    await asyncio.sleep(0)
    assert asked == []
    talk.closed()


async def test_a_session_that_ends_gives_up_its_cancel() -> None:
    given_up: list[int] = []

    async def cancel() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.append(1)

    talk, _ = await cut_short(cancel)
    talk.client_data(query("SELECT 1"))
    talk.closed()
    await asyncio.sleep(0.01)
    assert given_up == [1]
