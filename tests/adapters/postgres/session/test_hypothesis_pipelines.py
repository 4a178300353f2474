"""Any client, any pieces, any order of delivery: what it sees is what a server that refuses the same would show."""

import contextlib
import struct
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon.errors import HoopaddonError, PeerError
from tests.adapters.postgres.session.model import Model
from tests.adapters.postgres.session.play import LooksAtRows, RefuseDeletes, play, shown
from tests.adapters.postgres.wire import FLUSH, SYNC, bind, close, describe, execute, parse, query

TEXTS = st.sampled_from(
    ["SELECT 1", "SELECT 2", "INSERT a", "INSERT b", "DELETE x", "FAIL", "BEGIN", "COMMIT", "ROLLBACK"]
)
NAMES = st.sampled_from(["", "a", "b"])
MESSAGES = st.one_of(
    st.builds(parse, NAMES, TEXTS),
    st.builds(parse, NAMES, TEXTS),
    st.builds(bind, NAMES, NAMES),
    st.builds(bind, NAMES, NAMES),
    st.builds(describe, st.sampled_from("SP"), NAMES),
    st.builds(execute, NAMES, st.sampled_from([0, 0, 1, 2])),
    st.builds(execute, NAMES, st.sampled_from([0, 0, 1, 2])),
    st.builds(close, st.sampled_from("SP"), NAMES),
    st.builds(query, TEXTS),
    st.just(SYNC),
    st.just(SYNC),
    st.just(FLUSH),
)
SCRIPTS = st.lists(MESSAGES, min_size=1, max_size=24).map(lambda messages: b"".join(messages) + SYNC)
SIZES = st.lists(st.integers(1, 60), max_size=5)
ORDERS = st.lists(st.booleans(), min_size=1, max_size=12)
POLICIES = st.sampled_from([RefuseDeletes, LooksAtRows])
CHANGES = st.tuples(st.integers(0, 3000), st.integers(0, 255))


def alike(received: bytes) -> list[tuple[str, str]]:
    """In a failed transaction the gateway names its own refusal where the server would name the transaction's."""
    return [(kind, "no" if meaning in ("42501", "25P02") else meaning) for kind, meaning in shown(received)]


def same_as_far_as_names_are_known(ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> bool:
    """Whether both saw the same. The gateway may not know a name that the server still has; nothing else differs."""
    differing = [{one, other} for one, other in zip_longest(ours, theirs) if one != other]
    assert not differing or differing[0] & {("E", "26000"), ("E", "34000")}
    return not differing


@given(data=SCRIPTS, sizes=SIZES, order=ORDERS, server_size=st.integers(0, 20), make=POLICIES, awaits=st.booleans())
@settings(max_examples=400, deadline=None)
def test_a_client_sees_a_server_that_refuses(
    data: bytes, sizes: list[int], order: list[bool], server_size: int, make: type[RefuseDeletes], awaits: bool
) -> None:
    reference = Model(refuses="DELETE")
    expected = alike(reference.feed(data))
    policy = make(awaits=awaits)
    player = play(data, [policy], sizes=sizes, server_first=lambda n: order[n % len(order)], server_size=server_size)
    assert not [text for text in player.model.ran if "DELETE" in text]
    if same_as_far_as_names_are_known(alike(player.received), expected):
        assert player.model.done == reference.done
        assert player.model.status == reference.status
    # Each command that was judged has ended, once; and what ran was judged.
    assert len({id(command) for command in policy.ended}) == len(policy.ended) >= len(policy.judged)
    assert set(player.model.ran) <= set(policy.judged)


@given(data=SCRIPTS, size=st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_pieces_make_no_difference(data: bytes, size: int) -> None:
    whole = play(data, [RefuseDeletes()])
    pieces = play(data, [RefuseDeletes()], sizes=[size])
    # What is known of a name depends on what has been answered when it is used.
    if same_as_far_as_names_are_known(shown(pieces.received), shown(whole.received)):
        assert pieces.model.done == whole.model.done


def test_every_boundary_of_one_conversation() -> None:
    data = (
        parse("a", "SELECT 1")
        + bind("p", "a")
        + describe("P", "p")
        + execute("p", 1)
        + execute("p", 0)
        + SYNC
        + query("INSERT a")
        + parse("", "DELETE x")
        + bind()
        + execute()
        + SYNC
        + query("DELETE x")
        + query("SELECT 2")
    )
    whole = play(data, [LooksAtRows()])
    for boundary in range(1, len(data)):
        cut = play(data, [LooksAtRows()], sizes=[boundary, len(data)])
        assert cut.received == whole.received, boundary


@given(
    data=SCRIPTS,
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
    sizes=SIZES,
)
@settings(max_examples=300, deadline=None)
def test_bytes_that_are_changed_do_no_harm(data: bytes, changes: list[tuple[int, int]], sizes: list[int]) -> None:
    changed = bytearray(data)
    for position, value in changes:
        changed[position % len(changed)] = value
    model = Tolerant()
    with contextlib.suppress(PeerError):
        play(bytes(changed), [RefuseDeletes()], sizes=sizes, model=model)
    assert not [text for text in model.ran if "DELETE" in text]


@given(data=st.binary(max_size=400), sizes=SIZES)
@settings(max_examples=200, deadline=None)
def test_noise_does_no_harm(data: bytes, sizes: list[int]) -> None:
    model = Tolerant()
    with contextlib.suppress(PeerError):
        play(data, [RefuseDeletes()], sizes=sizes, model=model)
    assert not model.ran


@given(
    data=SCRIPTS, cut=st.integers(0, 3000), change=st.none() | st.tuples(st.integers(0, 3000), st.integers(0, 255))
)
@settings(max_examples=200, deadline=None)
def test_a_server_that_lies_is_found_out(data: bytes, cut: int, change: tuple[int, int] | None) -> None:
    """Whatever comes from the target, it ends the session at most."""
    with contextlib.suppress(HoopaddonError):
        play(data, [LooksAtRows()], model=Lying(cut, change))


class Tolerant(Model):
    """A server that answers what is not well formed with an error, as PostgreSQL does."""

    def _answer(self, kind: str, payload: bytes) -> bytes:
        try:
            return super()._answer(kind, payload)
        except (ValueError, IndexError, struct.error):
            self._ignoring = True
            return b""


class Lying(Model):
    """A server whose answers lose a byte, or have one changed."""

    def __init__(self, cut: int, change: tuple[int, int] | None) -> None:
        super().__init__()
        self._cut, self._change = cut, change

    def feed(self, data: bytes) -> bytes:
        out = bytearray(super().feed(data))
        if out and self._change is not None:
            out[self._change[0] % len(out)] = self._change[1]
        elif out:
            del out[self._cut % len(out)]
        return bytes(out)


@pytest.mark.parametrize("policy", [RefuseDeletes, LooksAtRows])
def test_the_model_and_the_gateway_agree_on_a_plain_day(policy: type[RefuseDeletes]) -> None:
    data = parse("", "SELECT 1") + bind() + describe("P") + execute() + SYNC + query("SELECT 2") + query("INSERT a")
    player = play(data, [policy()])
    assert shown(player.received) == shown(Model().feed(data))
    assert player.model.done == ["INSERT a"]
