"""Clients and servers that mean harm, and those that break."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon.adapters.ssh.sftp import requests as q
from hoopaddon.adapters.ssh.sftp import responses as r
from hoopaddon.adapters.ssh.sftp.requests import Request
from hoopaddon.adapters.ssh.sftp.responses import Response
from hoopaddon.adapters.ssh.sftp.wire import Attributes, Name
from tests.adapters.ssh.sftp.between import Rules
from tests.adapters.ssh.sftp.packets import whole
from tests.adapters.ssh.sftp.play import Play

NAME = Name(b"/a", b"", Attributes())


@pytest.mark.parametrize(
    ("requests", "error"),
    [
        ([q.Stat(1, b"/a"), q.Stat(1, b"/b")], "the same id"),
        ([q.Read(1, b"h", 0, 1), q.Read(1, b"h", 1, 1)], "the same id"),
        ([q.Read(1, b"h", 0, 1), q.Read(1, b"x", 1, 1)], "the same id"),
        ([q.Read(1, b"h", 0, 1), q.Open(1, b"/a", 1)], "the same id"),
        ([b"\0\0\0\0"], "of a length"),
        ([b"\xff\xff\xff\xff\3"], "of a length"),
        ([whole(b"\x0d\0\0\0\1\0\0\0\x09/a")], "ends before"),
        ([whole(b"\x0d\0\0\0\1\0\0\0\2/a\0")], "goes on"),
        ([whole(b"\6\0\0\0\1\0\0\0\1h" + b"\0" * 8 + b"\xff\xff\xff\xff")], "announces"),
    ],
)
async def test_clients_that_break_the_protocol(requests: list[Request | bytes], error: str) -> None:
    rules = Rules()
    play = await Play(rules).start()
    await play.opened_now()
    await play.client(*requests)
    assert len(play.errors) == 1
    assert error in str(play.errors[0])
    assert {command.text for command in rules.ended} >= {"read /data"}
    # Nothing passes any more, in either direction.
    before = play.to_target, play.to_client
    await play.client(q.Stat(77, b"/a"))
    play.guard.server_data(r.Attrs(1, Attributes()).serialize())
    assert (play.to_target, play.to_client) == before


async def test_a_second_beginning_is_a_request_that_nobody_knows() -> None:
    play = await Play(Rules()).start()
    play.target_got()
    await play.client(q.Init(3).serialize())
    assert play.target_got() == []
    assert play.refusals() == ["hoopaddon does not know packet type 1"]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (q.Read(1, b"x", 0, 1), "no such handle"),
        (q.Write(1, b"x", 0, b"abc"), "no such handle"),
        (q.Close(1, b"x"), "no such handle"),
        (q.FSetStat(1, b"x", Attributes(size=0)), "no such handle"),
        (q.FSync(1, b"x"), "no such handle"),
        (q.CopyData(1, b"x", 0, 0, b"h", 0), "no such handle"),
        (q.Write(1, b"h", 0, b"abc"), "the handle was not opened for writing"),
        (q.ReadDir(1, b"h"), "the handle is not that of a folder"),
        (q.CopyData(1, b"h", 0, 0, b"h", 0), "the handles were not opened for reading and writing"),
        (q.Remove(1, b"/tmp/a\0/../b"), "a path with a zero byte in it"),
        (q.Rename(1, b"/a", b"/b\0"), "a path with a zero byte in it"),
        (q.Open(1, b"/a\0", 1), "a path with a zero byte in it"),
        (q.Open(1, b"/a", 64), "flags that version 3 does not have"),
    ],
)
async def test_requests_that_lead_nowhere(request_: Request, reason: str) -> None:
    rules = Rules()
    play = await Play(rules).start()
    await play.opened_now()
    await play.client(request_, q.Stat(2, b"/a"))
    assert play.target_got() == [q.Stat(2, b"/a")]
    assert play.refusals() == [reason]
    assert rules.texts == ["read /data", "stat /a"]


async def test_reading_what_was_opened_for_writing() -> None:
    play = await Play(Rules()).start()
    play.target_got()
    await play.opened(b"/data", 2)
    await play.client(q.Read(1, b"h", 0, 1))
    assert play.target_got() == []
    assert play.refusals() == ["the handle was not opened for reading"]


async def test_a_handle_stands_for_nothing_once_it_is_closed() -> None:
    play = await Play(Rules()).start()
    await play.opened_now()
    await play.client(q.Close(1, b"h"), q.Read(2, b"h", 0, 1))
    assert play.target_got() == [q.Close(1, b"h")]
    assert play.refusals() == ["no such handle"]


async def test_a_handle_of_one_file_is_no_leave_for_another() -> None:
    """A target gives the handle away again: it stands for what was opened last, with the flags of that."""
    rules = Rules()
    play = await Play(rules).start()
    play.target_got()
    await play.opened(b"/public", 2)
    await play.client(q.Close(1, b"h"))
    await play.server(r.Status(1, 0, b"ok"))
    play.client_got()
    play.target_got()
    await play.opened(b"/other", 1)
    await play.client(q.Write(2, b"h", 0, b"abc"))
    assert play.target_got() == []


async def test_the_clients_ids_and_the_gateways_do_not_meet() -> None:
    play = await Play(Rules()).start()
    play.target_got()
    await play.client(q.Stat(0xF0000001, b"/a"))
    assert play.target_got() == [q.Stat(0xF0000001, b"/a")]
    await play.server(r.Attrs(0xF0000001, Attributes()))
    assert play.client_got() == [r.Attrs(0xF0000001, Attributes())]


@pytest.mark.parametrize("late", [q.Read(0xF0000001, b"h", 0, 9), q.Write(0xF0000001, b"h", 0, b"abc")])
async def test_a_request_with_the_id_of_a_question_waits_for_its_answer(late: Request) -> None:
    """Else the answer to the one could be passed off as the answer to the other, and hide where a path leads."""
    rules = Rules()
    play = await Play(rules).start()
    play.target_got()
    play.guard.client_data(q.Open(1, b"/data", 3).serialize())
    await play.answer_questions()
    await play.server(r.Handle(1, b"h"))
    play.target_got()
    play.guard._questions._ids = iter([0xF0000001, 0xF0000002])  # type: ignore[assignment]
    play.guard.client_data(q.Stat(2, b"/a").serialize())
    await play.settle()
    play.guard.client_data(late.serialize())
    await play.settle()
    assert [request.id for request in play.target_got()] == [0xF0000001]
    play.guard.server_data(r.Names(0xF0000001, (Name(b"/etc", b"", Attributes()),)).serialize())
    await play.settle()
    assert play.target_got() == [q.Stat(2, b"/a"), late]
    assert rules.seen[1].objects == {"/a", "/etc"}


async def test_a_giant_read_is_the_servers_to_cut() -> None:
    play = await Play(Rules()).start()
    await play.opened_now()
    giant = q.Read(1, b"h", (1 << 64) - 1, 0xFFFFFFFF)
    await play.client(giant)
    assert play.target_got() == [giant]
    assert play.errors == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (r.Attrs(9, Attributes()), "an answer to no request"),
        (r.Data(9, b"abc"), "an answer to no request"),
        (r.Handle(1, b"x"), "does not fit"),
        (r.Names(1, (NAME,)), "does not fit"),
        (r.Data(1, b"abc"), "not asked for"),
        (r.Status(1, 0, b"ok"), "success without"),
        (r.Data(2, b"abc"), "more of a file"),
        (r.Attrs(2, Attributes()), "does not fit"),
        (r.Handle(3, b"h"), "the same handle"),
        (r.Status(3, 0, b"ok"), "success without"),
        (r.Handle(3, b"h" * 257), "a handle of a length"),
        (r.Handle(3, b""), "a handle of a length"),
        (whole(b"\x68\0\0\0\1\xff\xff\xff\xff"), "ends before"),
        (whole(b"\x64\0\0\0\1"), "packet type 100"),
        (b"\0\x10\0\0\x65", "a packet of a length"),
    ],
)
async def test_servers_that_break_the_protocol(answer: Response | bytes, error: str) -> None:
    rules = Rules()
    play = await Play(rules).start()
    await play.opened_now()
    await play.client(q.Stat(1, b"/a"), q.Read(2, b"h", 0, 2), q.Open(3, b"/b", 1))
    play.client_got()
    play.guard.server_data(answer if isinstance(answer, bytes) else answer.serialize())
    assert len(play.errors) == 1
    assert error in str(play.errors[0])
    assert play.to_client == b""
    assert sorted(command.text for command in rules.ended) == ["read /b", "read /data", "stat /a"]


async def test_an_answer_before_the_request_was_let_through() -> None:
    play = await Play(Rules(), Unanswered()).start()
    await play.client(q.Stat(1, b"/a"))
    play.guard.server_data(r.Attrs(1, Attributes()).serialize())
    assert [str(error) for error in play.errors] == ["SFTP: an answer to no request"]


class Unanswered:
    """Asks for an approval, and nobody is there."""

    async def sftp_operation(self, command: object) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize("said", [r.ServerVersion(2), r.ServerVersion(4), r.Status(0, 0, b"")])
async def test_servers_of_another_version(said: r.ServerVersion | r.Status) -> None:
    play = Play()
    await play.client(q.Init(3).serialize())
    play.guard.server_data(said.serialize())
    assert len(play.errors) == 1
    assert play.to_client == b""


@pytest.mark.parametrize("said", [q.Init(2).serialize(), q.Stat(3, b"/a").serialize()])
async def test_clients_of_another_version(said: bytes) -> None:
    play = Play()
    await play.client(said)
    assert len(play.errors) == 1
    assert play.to_target == b""


async def test_nothing_passes_before_the_versions_are_agreed() -> None:
    rules = Rules()
    play = Play(rules)
    await play.client(q.Init(3).serialize(), q.Remove(1, b"/a"))
    assert play.target_got() == []
    assert play.holds == [True]
    await play.server(r.ServerVersion(3).serialize())
    assert play.target_got() == [q.Remove(1, b"/a")]
    assert rules.texts == ["remove /a"]


async def test_an_endless_list_of_names_is_not_kept() -> None:
    rules = Rules()
    play = await Play(rules).start()
    await play.client(q.OpenDir(1, b"/d"))
    await play.server(r.Handle(1, b"d"))
    for id in range(2, 300):
        await play.client(q.ReadDir(id, b"d"))
        await play.server(r.Names(id, (NAME,) * 100))
        play.to_client = play.to_target = b""
    assert rules.seen[0].rows == 29800
    assert play.guard._files.asked == {}


async def test_a_client_that_reads_no_refusals_is_taken_no_more_from() -> None:
    play = await Play(Rules(refuses=lambda _: "no")).start()
    play.guard.client_paused(True)
    ids = range(1000)
    await play.client(*[q.Remove(id, b"/a") for id in ids], *[q.Close(1000 + id, b"x") for id in ids])
    assert play.client_got() == []
    assert play.holds[-1] is True
    play.guard.client_paused(False)
    await play.answer_questions()
    assert len(play.client_got()) == 2000
    assert play.holds[-1] is False


async def test_refusals_do_not_pile_up_behind_a_packet_that_does_not_end() -> None:
    play = await Play(Rules()).start()
    await play.opened_now()
    data = r.Data(1, b"abcdef").serialize()
    await play.client(q.Read(1, b"h", 0, 9))
    await play.server(data[:-3])
    await play.client(*[q.Close(id, b"x") for id in range(1000)])
    assert play.holds[-1] is True
    assert len(play.guard._to_client._after) == 64
    await play.server(data[-3:])
    assert len(play.client_got()) == 1001
    assert play.holds[-1] is False


async def test_a_server_that_does_not_say_where_paths_lead() -> None:
    """Then the letters of the path are all that there is, and they are judged."""
    rules = Rules()
    play = Play(rules)
    play.guard.client_data(q.Init(3).serialize())
    play.guard.server_data(r.ServerVersion(3).serialize())
    await play.settle()
    play.guard.server_data(r.Status(0xF0000000, 4, b"no").serialize())
    play.guard.client_data(q.Remove(1, b"a/../../b").serialize() + q.Stat(2, b"/x/../y").serialize())
    for id in (0xF0000001, 0xF0000002):
        await play.settle()
        play.guard.server_data(r.Status(id, 4, b"no").serialize())
    await play.settle()
    assert rules.texts == ["remove ../b", "stat /y"]


STREAM = b"".join(
    part.serialize()
    for part in (
        *(q.Open(1, b"/a", 3), q.Read(2, b"h", 0, 9), q.Write(3, b"h", 0, b"x" * 40), q.Stat(4, b"/b")),
        *(q.Remove(5, b"/no"), q.Write(6, b"zz", 0, b"y" * 40), q.Close(7, b"h")),
    )
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
async def test_however_it_is_cut_the_same_passes(cuts: list[int]) -> None:
    rules = Rules(refuses=lambda command: "no" if command.path == "/no" else "")
    play = await Play(rules).start()
    play.target_got()
    await play.opened(b"/data", 3)
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(STREAM)], strict=True):
        play.guard.client_data(STREAM[begin:end])
    await play.answer_questions()
    passed = [request.id for request in play.target_got()]
    assert sorted(passed) == [1, 2, 3, 4, 7]
    assert [i for i in passed if i in (2, 3, 7)] == [2, 3, 7]
    assert [i for i in passed if i in (1, 4)] == [1, 4]
    assert rules.texts == ["read+write /data", "read+write /a", "stat /b", "remove /no"]
    assert sorted(answer.id for answer in play.client_got()) == [5, 6]


@settings(max_examples=150, deadline=None)
@given(st.data())
async def test_mutated_bytes_never_pass_unjudged(data: st.DataObject) -> None:
    """Whatever is made of a stream: what reaches the target was judged, or is about an open file."""
    wrong = bytearray(STREAM)
    for _ in range(data.draw(st.integers(1, 4))):
        wrong[data.draw(st.integers(0, len(wrong) - 1))] = data.draw(st.integers(0, 255))
    rules = Rules(refuses=lambda command: "" if command.verbs <= {"stat"} else "no")
    play = await Play(rules).start()
    play.target_got()
    play.guard.client_data(bytes(wrong))
    await play.answer_questions()
    harmless = q.Stat | q.LStat | q.RealPath | q.GetLimits | q.UsersGroups | q.StatVfs
    assert all(isinstance(request, harmless) for request in play.target_got())
