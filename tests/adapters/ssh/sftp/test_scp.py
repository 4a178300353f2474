"""scp's own protocol, both ways, with both ends played by the test."""

import asyncio
import hashlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.adapters.ssh.sftp.ends import Ends
from hoopaddon.adapters.ssh.sftp.scp import ScpGuard
from hoopaddon.adapters.ssh.sftp.scp_line import ScpLine, scp_line_of
from hoopaddon.adapters.ssh.sftp.scp_paths import ScpPaths
from hoopaddon.adapters.ssh.sftp.scp_records import End, Entry, Message, Record, Times, read_record
from hoopaddon.errors import HoopaddonError, PeerError, Unparsable
from hoopaddon.shell.facts import facts_of
from tests.adapters.ssh.sftp.between import Rules, judge, session

RECORDS: list[tuple[bytes, Record]] = [
    (b"C0644 5 a b\n", Entry("C", 0o644, 5, b"a b")),
    (b"C4755 9223372036854775807 \xff\n", Entry("C", 0o4755, (1 << 63) - 1, b"\xff")),
    (b"D0755 0 dir\n", Entry("D", 0o755, 0, b"dir")),
    (b"E\n", End()),
    (b"T1700000000 0 1700000001 0\n", Times(1700000000, 1700000001)),
    (b"\1scp: a: no\n", Message(False, b"scp: a: no")),
    (b"\2scp: gone\n", Message(True, b"scp: gone")),
]
WRONG = [
    *(b"", b"C", b"C0644 5", b"C0644 5 ", b"C644 5 a", b"C00644 5 a", b"C0644 -5 a", b"C0644 5 a/b", b"C0644 5 ../b"),
    *(b"C0644 5 ..", b"D0755 0 .", b"C0649 5 a", b"C0644 9223372036854775808 a", b"C0644 99999999999999999999 a"),
    *(b"c0644 5 a", b"E ", b"EE", b"T1 0 2", b"T1 1 2 0", b"T-1 0 2 0", b"C0644 5 a\0b", b"X", b"\0C0644 5 a"),
]
"""Each a line without its end."""


@pytest.mark.parametrize(("line", "record"), RECORDS)
def test_records(line: bytes, record: Record) -> None:
    assert read_record("client", line[:-1]) == record
    assert record.serialize() == line


@pytest.mark.parametrize("line", WRONG)
def test_what_is_no_record(line: bytes) -> None:
    with pytest.raises(PeerError):
        read_record("server", line)


@given(st.binary(max_size=40))
def test_whatever_is_read_says_what_it_said(line: bytes) -> None:
    try:
        record = read_record("client", line)
    except PeerError:
        return
    same = line.lstrip(b"T").split() == record.serialize().lstrip(b"T").split()
    assert same or int(line.split()[1]) == record.size  # type: ignore[union-attr]


LINES: list[tuple[str, ScpLine | None]] = [
    ("scp -t /a", ScpLine(True, ("/a",))),
    ("sudo scp -r -p -d -t -- -a", ScpLine(True, ("-a",), True, True, True)),
    ("scp -vrpf /a '/b c' /d/*", ScpLine(False, ("/a", "/b c", "/d/*"), True, True, patterns=True)),
    ("scp -f '/a*b/c'", ScpLine(False, ("/a*b/c",))),
    ("scp /a host:/b", None),
    ("scp -r /a host:-t", None),
    ("rm -t", None),
    ("cd /tmp && scp -f x", ScpLine(False, ("x",))),
]


@pytest.mark.parametrize(("text", "line"), LINES)
def test_lines(text: str, line: ScpLine | None) -> None:
    assert scp_line_of(facts_of(text).programs) == line


@pytest.mark.parametrize(
    "text",
    [
        *("scp -t", "scp -t /a /b", "scp -t $(id)", "scp -tf /a", "scp -t -S sh /a", "scp -f", "scp -t /a*"),
        *("scp -f /e*/shadow", "scp -f /a $(id)", "scp -t /a; scp -t /b"),
    ],
)
def test_lines_that_cannot_be_followed(text: str) -> None:
    with pytest.raises(Unparsable):
        scp_line_of(facts_of(text).programs)


PATHS: list[tuple[ScpLine, str, str, set[str]]] = [
    (ScpLine(False, ("/a/f", "/b/*", "/c/g"), patterns=True), "f", "/a/f", {"/a/f", "/b/f"}),
    (ScpLine(False, ("/a/*",)), "*", "/a/*", {"/a/*"}),
    (ScpLine(True, ("/a/b",)), "f", "/a/b", {"/a/b", "/a/b/f"}),
    (ScpLine(True, ("/a/",)), "f", "/a/f", {"/a/f"}),
    (ScpLine(True, (".",)), "f", "f", {"f"}),
    (ScpLine(True, ("/a/../b",), folder=True), "f", "/b/f", {"/b/f"}),
    (ScpLine(False, ("/a/f", "/b/f", "/c/g")), "f", "/a/f", {"/a/f", "/b/f"}),
    (ScpLine(False, ("/a/*",), patterns=True), "f", "/a/f", {"/a/f"}),
    (ScpLine(False, ("..",)), "f", "f", {"f"}),
]


@pytest.mark.parametrize(("line", "name", "path", "objects"), PATHS)
def test_paths(line: ScpLine, name: str, path: str, objects: set[str]) -> None:
    paths = ScpPaths(line)
    assert paths.of(Entry("C", 0, 0, name.encode())) == (path, frozenset(objects))
    paths.enter(Entry("D", 0, 0, name.encode()))
    assert paths.of(Entry("C", 0, 0, b"x")) == (f"{path}/x", frozenset(f"{o}/x" for o in objects))
    assert paths.leave()
    assert not paths.leave()


class Play:
    """An scp conversation; `source` and `sink` say what those sides send."""

    def __init__(self, line: ScpLine, *addons: object, approver: Any = None) -> None:
        self.to_target = b""
        self.to_client = b""
        self.holds: list[bool] = []
        self.eof = 0
        self.errors: list[HoopaddonError] = []
        self.guard = ScpGuard(
            session(),
            judge(*addons, approver=approver),
            line,
            Ends(
                self._target,
                self._client,
                hold_client=self.holds.append,
                target_eof=self._eof,
                fail=self.errors.append,
            ),
        )
        client, server = self.guard.client_data, self.guard.server_data
        self._source, self._sink = (client, server) if line.receives else (server, client)

    def _target(self, data: bytes) -> None:
        self.to_target += data

    def _client(self, data: bytes) -> None:
        self.to_client += data

    def _eof(self) -> None:
        self.eof += 1

    def got(self) -> tuple[bytes, bytes]:
        """What has reached the target and the client since this was asked last."""
        found = self.to_target, self.to_client
        self.to_target = self.to_client = b""
        return found

    async def source(self, data: bytes) -> tuple[bytes, bytes]:
        return await self._send(self._source, data)

    async def sink(self, data: bytes) -> tuple[bytes, bytes]:
        return await self._send(self._sink, data)

    async def _send(self, side: Callable[[bytes], None], data: bytes) -> tuple[bytes, bytes]:
        side(data)
        for _ in range(4):
            await asyncio.sleep(0)
        return self.got()


SHA = hashlib.sha256(b"hello").hexdigest()


async def test_a_file_goes_to_the_target() -> None:
    rules = Rules()
    play = Play(ScpLine(True, ("/d",), keeps_times=True, folder=True), rules)
    assert await play.sink(b"\0") == (b"", b"\0")
    assert await play.source(b"T1 0 2 0\n") == (b"T1 0 2 0\n", b"")
    assert await play.sink(b"\0") == (b"", b"\0")
    assert await play.source(b"C0644 5 a\n") == (b"C0644 5 a\n", b"")
    assert rules.texts == ["write+create+truncate+chmod+utime /d/a mode=0644 size=5 accessed=2 changed=1"]
    assert await play.sink(b"\0") == (b"", b"\0")
    assert await play.source(b"hel") == (b"hel", b"")
    assert await play.source(b"lo\0") == (b"lo\0", b"")
    assert rules.ended == []
    assert await play.sink(b"\0") == (b"", b"\0")
    assert [(command.tag, command.bytes) for command in rules.ended] == [(f"5 bytes written, sha256 {SHA}", 5)]
    play.guard.client_eof()
    assert play.eof == 1


async def test_folders_go_to_the_target() -> None:
    rules = Rules()
    play = Play(ScpLine(True, ("/d",), recursive=True, folder=True), rules)
    await play.sink(b"\0")
    for record in (b"D0755 0 sub\n", b"D0755 0 deep\n", b"C0600 0 a\n"):
        await play.source(record)
        await play.sink(b"\0")
    await play.source(b"\0")
    await play.sink(b"\0")
    for record in (b"E\n", b"E\n"):
        assert await play.source(record) == (record, b"")
        await play.sink(b"\0")
    assert [command.path for command in rules.ended] == ["/d/sub", "/d/sub/deep", "/d/sub/deep/a"]
    assert [command.verbs for command in rules.ended[:2]] == [{"mkdir"}] * 2
    await play.source(b"E\n")
    assert len(play.errors) == 1


async def test_a_file_comes_from_the_target() -> None:
    rules = Rules()
    play = Play(ScpLine(False, ("/d/a",)), rules)
    assert await play.sink(b"\0") == (b"\0", b"")
    assert await play.source(b"C0644 5 a\n") == (b"", b"C0644 5 a\n")
    assert await play.sink(b"\0") == (b"\0", b"")
    assert await play.source(b"hello\0") == (b"", b"hello\0")
    assert await play.sink(b"\0") == (b"\0", b"")
    assert [(command.text, command.tag) for command in rules.ended] == [
        ("read /d/a mode=0644 size=5", f"5 bytes read, sha256 {SHA}")
    ]


async def test_a_refused_upload_goes_on_with_the_next_file() -> None:
    rules = Rules(refuses=lambda command: "no\nsecrets" if "secret" in command.path else "")
    play = Play(ScpLine(True, ("/d",), folder=True), rules)
    await play.sink(b"\0")
    to_target, to_client = await play.source(b"C0644 5 secret\n")
    assert to_target == b""
    assert to_client == b"\1scp: /d/secret: no secrets (refused by rules)\n"
    assert await play.source(b"C0644 5 a\n") == (b"C0644 5 a\n", b"")
    assert [command.path for command in rules.ended] == ["/d/secret"]


async def test_a_refused_download_is_told_to_both_sides() -> None:
    play = Play(ScpLine(False, ("/d/secret",)), Rules(refuses=lambda _: "no"))
    await play.sink(b"\0")
    said = b"\1scp: /d/secret: no (refused by rules)\n"
    assert await play.source(b"C0644 5 secret\n") == (said, said)
    assert play.errors == []


async def test_the_target_does_not_take_a_file() -> None:
    rules = Rules()
    play = Play(ScpLine(True, ("/d",), folder=True), rules)
    await play.sink(b"\0")
    await play.source(b"C0644 5 a\n")
    assert await play.sink(b"\1scp: a: disk is full\n") == (b"", b"\1scp: a: disk is full\n")
    assert rules.ended[0].error == "the other side did not take it"
    # What would have been contents is a record now, and judged.
    await play.source(b"C0644 1 b\n")
    assert rules.seen[1].path == "/d/b"


async def test_a_file_that_could_not_be_read_to_its_end() -> None:
    rules = Rules()
    play = Play(ScpLine(False, ("/a",)), rules)
    await play.sink(b"\0")
    await play.source(b"C0644 2 a\n")
    await play.sink(b"\0")
    await play.source(b"xx\1scp: a: read error\n")
    await play.sink(b"\0")
    assert rules.ended[0].tag == "2 bytes read or lost, for 1 of the requests failed; no sha256"


async def test_contents_that_come_before_the_answer_are_no_contents_yet() -> None:
    rules = Rules()
    play = Play(ScpLine(True, ("/d",), folder=True), rules)
    assert await play.source(b"C0644 5 a\nhelloC0644 1 b\n") == (b"", b"")
    assert rules.seen == []
    assert await play.sink(b"\0") == (b"C0644 5 a\n", b"\0")
    assert await play.sink(b"\1scp: no\n") == (b"", b"\1scp: no\n\2scp: hoopaddon: scp: a record that is none\n")
    assert len(play.errors) == 1
    assert len(rules.ended) == 1


@pytest.mark.parametrize("line", [line for line in WRONG if line] + [b"x" * 5000])
async def test_hostile_records(line: bytes) -> None:
    for receives in (True, False):
        rules = Rules()
        play = Play(ScpLine(receives, ("/d",)), rules)
        await play.sink(b"\0")
        to_target, to_client = await play.source(line + b"\n")
        assert to_target == b""
        assert to_client.startswith(b"\2scp: hoopaddon: scp: ")
        assert len(play.errors) == 1
        assert rules.seen == []
        assert await play.source(b"C0644 5 a\n") == (b"", b"")


@pytest.mark.parametrize("answer", [b"C0644 5 a\n", b"x" * 5000, b"\3\n"])
async def test_answers_that_are_none(answer: bytes) -> None:
    play = Play(ScpLine(True, ("/d",)))
    await play.sink(answer)
    assert len(play.errors) == 1


async def test_a_source_that_does_not_wait_is_held_and_then_ended() -> None:
    play = Play(ScpLine(True, ("/d",)))
    await play.source(b"C0644 5 a\n" + b"x" * 70_000)
    assert play.holds == [True]
    await play.source(b"x" * 200_000)
    assert len(play.errors) == 1


async def test_many_refused_at_once() -> None:
    rules = Rules(refuses=lambda _: "no")
    play = Play(ScpLine(True, ("/d",), folder=True), rules)
    await play.sink(b"\0")
    await play.source(b"C0644 5 a\n" * 6000)
    for _ in range(7000):
        await asyncio.sleep(0)
    assert play.errors == []
    assert len(rules.ended) == 6000


async def test_a_client_that_reads_no_refusals_is_taken_no_more_from() -> None:
    rules = Rules(refuses=lambda _: "no")
    play = Play(ScpLine(True, ("/d",), folder=True), rules)
    await play.sink(b"\0")
    play.guard.client_paused(True)
    assert await play.source(b"C0644 5 a\n" * 7000) == (b"", b"")
    assert play.holds == [True]
    play.guard.client_paused(False)
    await play.source(b"")
    for _ in range(9000):
        await asyncio.sleep(0)
    assert len(rules.ended) == 7000
    assert play.holds == [True, False]


async def test_contents_on_their_way_reach_a_client_that_is_slow() -> None:
    play = Play(ScpLine(False, ("/a",)), Rules())
    await play.sink(b"\0")
    await play.source(b"C0644 600000 a\n")
    await play.sink(b"\0")
    play.guard.client_paused(True)
    _, to_client = await play.source(b"x" * 600_000)
    assert to_client == b"x" * 600_000
    assert play.errors == []


async def test_the_connection_ends_in_the_middle() -> None:
    rules = Rules()
    play = Play(ScpLine(True, ("/d/a",)), rules)
    await play.sink(b"\0")
    await play.source(b"C0644 5 a\n")
    await play.sink(b"\0")
    await play.source(b"he")
    play.guard.close()
    play.guard.close()
    (ended,) = rules.ended
    assert ended.error == "the connection ended"
    assert ended.tag.startswith("the first 2 bytes written, sha256")


async def test_the_client_leaves_while_people_are_asked() -> None:
    class Nobody:
        async def ask(self, request: object) -> object:
            return await asyncio.Event().wait()

    rules = Rules(asks=lambda _: True)
    play = Play(ScpLine(True, ("/d/a",)), rules, approver=Nobody())
    await play.sink(b"\0")
    assert await play.source(b"C0644 5 a\n") == (b"", b"")
    play.guard.close()
    assert len(rules.ended) == 1
    await asyncio.sleep(0.01)
    assert [command.error for command in rules.ended] == ["the client left before it was decided"]
    assert play.got() == (b"", b"")


@given(st.lists(st.integers(0, 60), max_size=6))
async def test_however_it_is_cut_the_same_passes(cuts: list[int]) -> None:
    stream = b"C0644 12 name of it\n"
    contents = b"twelve bytes\0"
    rules = Rules()
    play = Play(ScpLine(True, ("/d",), folder=True), rules)
    await play.sink(b"\0")
    sent = b""
    for text, answer in ((stream, b"\0"), (contents, b"\0")):
        edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
        for begin, end in itertools.pairwise(edges):
            sent += (await play.source(text[begin:end]))[0]
        await play.sink(answer)
    assert sent == stream + contents
    assert rules.ended[0].tag == f"12 bytes written, sha256 {hashlib.sha256(contents[:-1]).hexdigest()}"
