"""What is said of the files that went through."""

import hashlib

import pytest

from hoopaddon import FileOperation
from hoopaddon.adapters.ssh.sftp import requests as q
from hoopaddon.adapters.ssh.sftp import responses as r
from tests.adapters.ssh.sftp.between import Rules
from tests.adapters.ssh.sftp.play import Play


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


READ = [
    ([(0, b"abc"), (3, b"de"), (5, None)], f"5 bytes read, sha256 {digest(b'abcde')}"),
    ([(0, None)], f"0 bytes read, sha256 {digest(b'')}"),
    ([(0, b"a")], f"the first 1 byte read, sha256 {digest(b'a')}"),
    ([(7, b"abc"), (10, None)], f"3 bytes from offset 7 read, sha256 {digest(b'abc')}"),
    ([(0, b"abc"), (9, b"x")], "4 bytes read out of order, no sha256"),
    ([(0, b"abc"), (9, None)], f"the first 3 bytes read, sha256 {digest(b'abc')}"),
    ([], f"the first 0 bytes read, sha256 {digest(b'')}"),
]


@pytest.mark.parametrize(("reads", "tag"), READ)
async def test_what_was_read(reads: list[tuple[int, bytes | None]], tag: str) -> None:
    rules = Rules()
    play = await Play(rules).start()
    play.target_got()
    await play.opened(b"/data")
    for id, (offset, data) in enumerate(reads):
        await play.client(q.Read(id, b"h", offset, 9))
        await play.server(r.Status(id, 1, b"end") if data is None else r.Data(id, data))
    await play.client(q.Close(99, b"h"))
    assert rules.ended == []
    await play.server(r.Status(99, 0, b"ok"))
    assert [command.tag for command in rules.ended] == [tag]
    assert rules.ended[0].bytes == sum(len(data or b"") for _, data in reads)


WRITTEN = [
    (0x1A, [(0, b"abc", 0), (3, b"de", 0)], f"5 bytes written, sha256 {digest(b'abcde')}"),
    (0x2A, [], f"0 bytes written, sha256 {digest(b'')}"),
    (0x0A, [(0, b"abc", 0)], f"the first 3 bytes written, sha256 {digest(b'abc')}"),
    (0x06, [(0, b"abc", 0), (0, b"d", 0)], f"4 bytes appended, sha256 {digest(b'abcd')}"),
    (0x1A, [(3, b"abc", 0), (0, b"x", 0)], "4 bytes written out of order, no sha256"),
    (0x1A, [(0, b"abc", 4)], "3 bytes written or lost, for 1 of the requests failed; no sha256"),
]


@pytest.mark.parametrize(("flags", "writes", "tag"), WRITTEN)
async def test_what_was_written(flags: int, writes: list[tuple[int, bytes, int]], tag: str) -> None:
    rules = Rules()
    play = await Play(rules).start()
    play.target_got()
    await play.opened(b"/data", flags)
    for id, (offset, data, code) in enumerate(writes):
        await play.client(q.Write(id, b"h", offset, data))
        assert play.target_got() == [q.Write(id, b"h", offset, data)]
        await play.server(r.Status(id, code, b"so"))
    await play.client(q.Close(99, b"h"))
    await play.server(r.Status(99, 0, b"ok"))
    assert [command.tag for command in rules.ended] == [tag]


KEPT: list[tuple[list[tuple[int, bytes]], dict[str, bytes]]] = [
    ([(0, b"ab"), (2, b"cde"), (5, b"f")], {"file_written": b"abcd"}),
    ([(0, b"ab")], {"file_written": b"ab"}),
    ([(0, b"ab"), (9, b"x"), (2, b"c")], {"file_written": b"ab"}),
    ([(7, b"xyz")], {"file_written": b"xyz"}),
    ([], {}),
]


@pytest.mark.parametrize(("writes", "content"), KEPT)
async def test_what_is_kept_of_the_content(writes: list[tuple[int, bytes]], content: dict[str, bytes]) -> None:
    def keep(operation: FileOperation) -> str:
        operation.keep_content(3)
        operation.keep_content(4)
        operation.keep_content(1)
        return ""

    rules = Rules(refuses=keep)
    play = await Play(rules).start()
    await play.opened(b"/data", 0x1A)
    for id, (offset, data) in enumerate(writes):
        await play.client(q.Write(id, b"h", offset, data))
        await play.server(r.Status(id, 0, b"ok"))
    await play.client(q.Close(99, b"h"))
    await play.server(r.Status(99, 0, b"ok"))
    assert [command.content for command in rules.ended] == [content]


async def test_nothing_is_kept_that_nobody_asked_for() -> None:
    rules = Rules()
    play = await Play(rules).start()
    await play.opened_now()
    await play.client(q.Read(1, b"h", 0, 9), q.Close(2, b"h"))
    await play.server(r.Data(1, b"abc"), r.Status(2, 0, b"ok"))
    assert [command.content for command in rules.ended] == [{}]


async def test_an_answer_after_the_close_still_counts() -> None:
    rules = Rules()
    play = await Play(rules).start()
    await play.opened_now()
    await play.client(q.Read(1, b"h", 0, 9), q.Close(2, b"h"))
    await play.server(r.Status(2, 0, b"ok"))
    assert rules.ended == []
    await play.server(r.Data(1, b"abc"))
    assert [command.bytes for command in rules.ended] == [3]


async def test_the_connection_ends_while_files_are_open() -> None:
    rules = Rules()
    play = await Play(rules).start()
    await play.opened_now()
    await play.client(q.Read(1, b"h", 0, 9), q.Stat(2, b"/a"), q.Open(3, b"/b", 1))
    await play.server(r.Data(1, b"abc"))
    play.guard.close()
    play.guard.close()
    assert sorted(command.text for command in rules.ended) == ["read /b", "read /data", "stat /a"]
    assert {command.error for command in rules.ended} == {"the connection ended"}
    assert next(c for c in rules.ended if c.path == "/data").tag.startswith("the first 3 bytes read, sha256")
    await play.client(q.Stat(4, b"/a"))
    assert len(rules.seen) == 3
