"""Text that streams to a client: what waits, what leaves, and that nothing passes a policy that says no."""

import asyncio
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Output, Refused
from hoopaddon.errors import HoopaddonError, PeerError
from hoopaddon.escapes import unfinished
from hoopaddon.policy.chain import Chain, PolicyFailed
from hoopaddon.stream import HELD_BYTES, PIECE_BYTES, WAITING_BYTES, TextStream, last_value, long_line_cut
from hoopaddon.testing import session
from tests.engine.policy.addons import Hooks, chain

SECRET = re.compile(r"ann@example\.com|\d{4} \d{4} \d{4} \d{4}|ключ-\d+")


def mask(output: Output) -> None:
    output.text = SECRET.sub("[x]", output.text)


async def slow_mask(output: Output) -> None:
    await asyncio.sleep(0.001)
    mask(output)


class Client:
    """The far end of a stream, and the gateway that it belongs to."""

    def __init__(self, policy: Callable[[Output], Any] | None = mask, kind: str = "stdout") -> None:
        self.chain: Chain = chain(Hooks(output=policy)) if policy else chain()
        self.writes: list[bytes] = []
        self.errors: list[HoopaddonError] = []
        self.holds: list[bool] = []
        self.stream = TextStream(
            session(), kind, None, self, self.writes.append, self.errors.append, self.holds.append
        )

    @property
    def got(self) -> bytes:
        return b"".join(self.writes)

    async def all_of(self, chunks: Sequence[bytes]) -> bytes:
        for chunk in chunks:
            self.stream.feed(chunk)
        self.stream.close()
        await self.stream.drained()
        return self.got


def cuts(data: bytes, places: Sequence[int]) -> list[bytes]:
    bounds = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[one:other] for one, other in itertools.pairwise(bounds)]


LINES = st.lists(
    st.one_of(
        st.text(alphabet="ab @.1é\udcff", max_size=20),
        st.sampled_from(
            ["mail ann@example.com, please", "4111 1111 1111 1111", "ключ-77", "-----", "\x1b[1mx\x1b[0m"]
        ),
    ),
    max_size=8,
).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogateescape"))


@settings(max_examples=150, deadline=None)
@given(LINES, st.lists(st.integers(0, 1000), max_size=8), st.sampled_from(["stdout", "terminal"]))
async def test_any_chunks_of_lines_are_masked_as_one_is(data: bytes, places: list[int], kind: str) -> None:
    expected = SECRET.sub("[x]", data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    assert await Client(kind="stdout").all_of(cuts(data, places)) == expected
    # An echo passes at once, so what comes first on a terminal may leave before the rest of it is there.
    client = Client(kind=kind)
    client.stream.feed(b"\n")
    assert await client.all_of(cuts(data, places)) == b"\n" + expected


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 1000), max_size=8), st.sampled_from(["stdout", "terminal"]))
async def test_bytes_that_no_policy_changes_leave_as_they_came(data: bytes, places: list[int], kind: str) -> None:
    seen: list[str] = []
    client = Client(lambda output: seen.append(output.text), kind)
    assert await client.all_of(cuts(data, places)) == data
    assert "".join(seen).encode("utf-8", "surrogateescape") == data


async def test_policies_see_whole_characters_and_lines() -> None:
    seen: list[str] = []
    client = Client(lambda output: seen.append(output.text))
    data = "één\nzwei\n".encode()
    await client.all_of([data[i : i + 1] for i in range(len(data))])
    assert seen == ["één\n", "zwei\n"]


async def test_a_line_leaves_at_once_and_its_successor_waits() -> None:
    client = Client()
    client.stream.feed(b"one\ntwo ann@exam")
    assert client.got == b"one\n"
    client.stream.feed(b"ple.com\n")
    assert client.got == b"one\ntwo [x]\n"


async def test_silence_lets_a_prompt_go_and_then_a_word() -> None:
    client = Client()
    client.stream.feed(b"Name of user: ann@exam")
    await asyncio.sleep(0.1)
    assert client.got == b"Name of user: "
    client.stream.feed(b"ple.com")
    await asyncio.sleep(0.1)
    assert client.got == b"Name of user: "
    await client.stream.drained()
    assert client.got == b"Name of user: [x]"


async def test_a_number_in_groups_waits_as_a_whole() -> None:
    client = Client()
    client.stream.feed(b"the card 4111 1111 ")
    await asyncio.sleep(0.06)
    assert client.got == b"the card "
    client.stream.feed(b"1111 1111\n")
    assert client.got == b"the card [x]\n"


async def test_what_trickles_does_not_wait_for_ever() -> None:
    client = Client(kind="terminal")
    client.stream.feed(b"0123456789abcdef")
    for _ in range(60):
        client.stream.feed(b"0")
        await asyncio.sleep(0.005)
    assert len(client.got) > 16


async def test_an_echo_does_not_wait() -> None:
    client = Client(kind="terminal")
    for key in b"ls -l":
        client.stream.feed(bytes([key]))
        await asyncio.sleep(0.01)
    assert client.writes == [b"l", b"s", b" ", b"-", b"l"]
    client.stream.feed(b"\r\n$ ")
    assert client.got.endswith(b"$ ")


async def test_an_echo_that_may_begin_something_waits_a_moment() -> None:
    client = Client(kind="terminal")
    client.stream.feed(b"to ann@exam")
    client.stream.feed(b"ple.com ")
    await asyncio.sleep(0.05)
    assert client.got == b"to [x] "


async def test_a_burst_is_joined() -> None:
    client = Client(kind="terminal")
    client.stream.feed(b"x")
    client.stream.feed(b"ann@exam")
    client.stream.feed(b"ple.com")
    client.stream.flush()
    assert client.got == b"x[x]"


BEGUN = [b"\x1b", b"\x1b[", b"\x1b[1;3", b"\x1b]0;title", b"\x1b]8;;x\x1b", b"\x1bP1$r", b"\x1b("]
WHOLE = [b"\x1b[1m", b"\x1b]0;title\x07", b"\x1b]8;;x\x1b\\", b"\x1b(B", b"\x1bc", b"\x1b7"]


@pytest.mark.parametrize("begun", BEGUN)
async def test_a_control_sequence_is_not_cut(begun: bytes) -> None:
    client = Client(kind="terminal")
    client.stream.feed(b"a" + begun)
    assert client.got == b"a"
    assert unfinished(b"a" + begun) == 1
    client.stream.flush()
    assert client.got == b"a" + begun


@pytest.mark.parametrize("whole", WHOLE)
def test_a_whole_sequence_is_not_unfinished(whole: bytes) -> None:
    assert unfinished(whole) == len(whole)
    assert unfinished(whole + b"x") == len(whole) + 1


async def test_who_reads_slowly_cuts_no_line() -> None:
    client = Client(kind="terminal")
    client.stream.feed(b"\n" * 2000 + b"ann@exam")
    client.stream.client_paused(True)
    await asyncio.sleep(0.25)
    client.stream.client_paused(False)
    client.stream.feed(b"ple.com\n")
    assert client.got.endswith(b"\n[x]\n")


@pytest.mark.parametrize("policy", [mask, slow_mask])
async def test_a_long_line_flows_and_hides_what_stands_between_words(policy: Callable[[Output], Any]) -> None:
    word = b'{"mail":"ann@example.com","n":123},'
    client = Client(policy)
    whole = word * 9000
    most = 0
    for start in range(0, len(whole), 1700):
        client.stream.feed(whole[start : start + 1700])
        most = max(most, len(client.stream._waiting))
        if policy is slow_mask:
            await asyncio.sleep(0.0001)
    client.stream.close()
    await client.stream.drained()
    assert client.got == whole.replace(b"ann@example.com", b"[x]")
    if policy is mask:
        assert most <= HELD_BYTES + 1700


def test_a_long_line_is_cut_where_values_end() -> None:
    groups = b"4111 1111 1111 1111 "
    assert long_line_cut(groups * 150 + b"many, many words of text " + groups * 103, 0) == 3000 + len(
        b"many, many words "
    )
    assert last_value(b"call +49 170 12") == 5
    assert last_value(b"say hello") == 4
    assert last_value(b"") == 0
    assert long_line_cut("é".encode() * 4000, 0) % 2 == 0


async def test_a_policy_is_given_no_more_than_it_can_take() -> None:
    sizes: list[int] = []
    client = Client(lambda output: sizes.append(len(output.text)))
    await client.all_of([b"x" * 79 + b"\n" * 400_000])
    assert max(sizes) <= PIECE_BYTES


# -- policies that do not simply edit


async def test_order_is_kept_while_a_policy_awaits() -> None:
    client = Client(slow_mask)
    client.stream.feed(b"a ann@example.com\n")
    client.stream.feed(b"b\n")
    assert client.got == b""
    assert client.holds == [True]
    client.stream.feed(b"c\n")
    client.stream.close()
    await client.stream.drained()
    assert client.got == b"a [x]\nb\nc\n"
    assert client.holds.count(True) == client.holds.count(False) >= 2


def refuse(_: Output) -> None:
    raise Refused("not for you")


async def refuse_later(_: Output) -> None:
    await asyncio.sleep(0)
    raise Refused("not for you")


def unencodable(output: Output) -> None:
    output.text = "\ud800"


def no_text(output: Output) -> None:
    output.text = None  # type: ignore[assignment]


def raises(_: Output) -> None:
    raise ValueError("a secret")


@pytest.mark.parametrize(
    ("policy", "kind"),
    [
        (refuse, Refused),
        (refuse_later, Refused),
        (raises, PolicyFailed),
        (unencodable, HoopaddonError),
        (no_text, HoopaddonError),
    ],
)
async def test_nothing_passes_a_policy_that_says_no(policy: Callable[[Output], Any], kind: type[Exception]) -> None:
    client = Client(policy)
    client.stream.feed(b"one\n")
    client.stream.feed(b"two\n")
    client.stream.close()
    await client.stream.drained()
    client.stream.feed(b"three\n")
    assert client.got == b""
    assert [type(error) for error in client.errors] == [kind]
    assert "secret" not in str(client.errors[0])


async def test_a_policy_that_takes_too_long_lets_nothing_pass() -> None:
    async def never(_: Output) -> None:
        await asyncio.sleep(30)

    client = Client(never)
    client.chain = chain(Hooks(output=never), timeout_s=0.02)
    client.stream.feed(b"one\n")
    client.stream.close()
    await client.stream.drained()
    assert client.got == b""
    assert isinstance(client.errors[0], PolicyFailed)


async def test_a_source_that_does_not_pause_is_cut_off() -> None:
    async def never(_: Output) -> None:
        await asyncio.sleep(30)

    client = Client(never)
    client.stream.feed(b"x\n")
    for _ in range(WAITING_BYTES // 1_000_000 + 1):
        client.stream.feed(b"x" * 1_000_000)
    assert isinstance(client.errors[0], PeerError)
    client.stream.abort()
    await client.stream.drained()
    assert client.got == b""


async def test_a_client_that_is_gone_gets_nothing_more() -> None:
    client = Client(slow_mask)
    client.stream.feed(b"one\n")
    client.stream.abort()
    await client.stream.drained()
    await asyncio.sleep(0.01)
    assert client.got == b""


async def test_without_policies_nothing_waits() -> None:
    client = Client(None)
    client.stream.feed(b"ann@exam")
    assert client.writes == [b"ann@exam"]


async def test_policies_that_come_later_see_what_comes_later() -> None:
    client = Client(None)
    client.stream.feed(b"ann@example.com\n")
    client.chain = chain(Hooks(output=mask))
    client.stream.feed(b"ann@example.com ann@exa")
    client.chain = chain()
    client.stream.feed(b"mple.com\n")
    assert client.got == b"ann@example.com\nann@example.com ann@example.com\n"
