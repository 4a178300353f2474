"""What passes, what is judged, and what waits for whom."""

import asyncio
from typing import Any

import pytest

from hoopaddon import FileOperation, Refused
from hoopaddon.adapters.ssh.sftp import requests as q
from hoopaddon.adapters.ssh.sftp import responses as r
from hoopaddon.adapters.ssh.sftp.files import MAX_IN_FLIGHT, MAX_OPEN
from hoopaddon.adapters.ssh.sftp.requests import Request
from hoopaddon.adapters.ssh.sftp.wire import Attributes, Name
from hoopaddon.approval import ApprovalRequest, Decision
from tests.adapters.ssh.sftp.between import Rules
from tests.adapters.ssh.sftp.play import Play

OPERATIONS: list[tuple[Request, str]] = [
    (q.Open(1, b"a", 1), "read /users/ada/a"),
    (q.Open(1, b"a", 0), "read /users/ada/a"),
    (q.Open(1, b"/a", 0x1A, Attributes(mode=0o600)), "write+create+truncate /a mode=0600"),
    (q.Open(1, b"/a", 0x0F), "read+write+append+create /a"),
    (q.OpenDir(1, b"."), "list /users/ada"),
    (q.Stat(1, b"/a b"), "stat '/a b'"),
    (q.LStat(1, b"/a/./b//c/"), "stat /a/b/c"),
    (q.Remove(1, b"/a\xff\n"), r"remove $'/a\xff\x0a'"),
    (q.MkDir(1, b"/a", Attributes(mode=0o755)), "mkdir /a mode=0755"),
    (q.RmDir(1, b"/a"), "rmdir /a"),
    (q.RealPath(1, b"/a"), "realpath /a"),
    (q.ReadLink(1, b"/a"), "readlink /a"),
    (q.Rename(1, b"a", b"/b"), "rename /users/ada/a /b"),
    (q.PosixRename(1, b"a", b"/b"), "rename /users/ada/a /b"),
    (q.HardLink(1, b"a", b"/b"), "link /users/ada/a /b"),
    (q.Symlink(1, b"x", b"/d/l"), "symlink /d/x /d/l"),
    (q.Symlink(1, b"/etc/shadow", b"l"), "symlink /etc/shadow /users/ada/l"),
    (q.SetStat(1, b"/a", Attributes(size=0)), "truncate /a size=0"),
    (q.SetStat(1, b"/a", Attributes(owner=(0, 1))), "chown /a owner=0:1"),
    (q.SetStat(1, b"/a", Attributes()), "setstat /a"),
    (q.LSetStat(1, b"/a", Attributes(mode=0o4755, times=(1, 2))), "chmod+utime /a mode=4755 accessed=1 changed=2"),
    (q.StatVfs(1, b"/"), "stat /"),
    (q.ExpandPath(1, b"~/x"), "realpath /users/ada/x"),
    (q.ExpandPath(1, b"~bob/x"), "realpath '~bob/x'"),
    (q.HomeDirectory(1, b"bob"), "realpath '~bob'"),
]


@pytest.mark.parametrize(("request_", "text"), OPERATIONS)
async def test_operations(request_: Request, text: str) -> None:
    rules = Rules()
    play = await Play(rules).start()
    play.to_target = b""
    await play.client(request_)
    assert rules.texts == [text]
    assert play.to_target == request_.serialize()


@pytest.mark.parametrize(("request_", "text"), OPERATIONS)
async def test_refused_operations(request_: Request, text: str) -> None:
    rules = Rules(refuses=lambda _: "not today")
    play = await Play(rules).start()
    play.target_got()
    await play.client(request_)
    assert play.target_got() == []
    answer = r.Status(1, 3, b"hoopaddon: not today (refused by rules)", b"en")
    assert play.client_got() == [answer]
    assert play.told == ["not today (refused by rules)"]
    assert [command.text for command in rules.ended] == [text]
    # The id is free again, and the session goes on.
    rules.refuses = lambda _: ""
    await play.client(request_)
    assert play.target_got() == [request_]


@pytest.mark.parametrize("request_", [q.RealPath(1, b"."), q.GetLimits(1), q.UsersGroups(1, b"", b"")])
async def test_what_is_about_no_file_needs_no_verdict(request_: Request) -> None:
    rules = Rules(refuses=lambda _: "no")
    play = await Play(rules).start()
    play.to_target = b""
    await play.client(request_)
    assert play.target_got() == [request_]
    assert rules.seen == []


async def test_where_a_path_leads_is_seen() -> None:
    rules = Rules()
    play = await Play(rules).start()
    play.links = {b"/d/link/../shadow": b"/etc/shadow", b"/d/link": b"/etc/ssh", b"/d": b"/mnt/d"}
    await play.client(q.Open(1, b"/d/link/../shadow", 1), q.Stat(2, b"/d/link"), q.LStat(3, b"/d/link"))
    climbing, followed, link = rules.seen
    assert climbing.path == "/etc/shadow"
    assert climbing.objects == {"/etc/shadow"}
    assert followed.path == "/d/link"
    assert followed.objects == {"/d/link", "/etc/ssh"}
    assert link.objects == {"/d/link", "/mnt/d/link"}


async def test_a_path_that_leads_elsewhere_after_a_long_hold_is_refused() -> None:
    people = People()
    play = await Play(Rules(asks=lambda _: True), approver=people).start()
    play.target_got()
    await play.client(q.Remove(1, b"/d/f"))
    await asyncio.sleep(0.12)
    play.links = {b"/d": b"/etc"}
    people.say(True)
    await play.answer_questions()
    assert play.target_got() == []
    assert play.refusals() == ["hoopaddon: the path leads elsewhere by now"]


class People:
    """Approvers who take their time."""

    def __init__(self) -> None:
        self.asked: list[ApprovalRequest] = []
        self._answers: list[asyncio.Future[Decision]] = []

    async def ask(self, request: ApprovalRequest) -> Decision:
        self.asked.append(request)
        self._answers.append(asyncio.get_running_loop().create_future())
        return await self._answers[-1]

    def say(self, approved: bool) -> None:
        self._answers.pop(0).set_result(Decision(approved, ("bob",), "" if approved else "no"))


async def test_held_operations_hold_up_only_what_has_to_wait() -> None:
    people = People()
    rules = Rules(asks=lambda command: "remove" in command.verbs)
    play = await Play(rules, approver=people).start()
    play.target_got()
    await play.opened(b"/data")
    await play.client(q.Remove(1, b"/a"), q.Read(2, b"h", 0, 9), q.MkDir(3, b"/b"), q.Close(4, b"h"))
    assert play.target_got() == [q.Read(2, b"h", 0, 9), q.Close(4, b"h")]
    assert len(people.asked) == 1
    assert play.told == ["held: waiting for approval (two eyes more)"]
    people.say(True)
    await play.answer_questions()
    assert play.target_got() == [q.Remove(1, b"/a"), q.MkDir(3, b"/b")]


async def test_what_is_about_a_file_waits_for_what_is_held_about_it() -> None:
    people = People()
    play = await Play(Rules(asks=lambda command: "truncate" in command.verbs), approver=people).start()
    play.target_got()
    await play.opened(b"/data", 2)
    cut, write = q.FSetStat(1, b"h", Attributes(size=0)), q.Write(2, b"h", 0, b"abc")
    await play.client(cut, write.serialize()[:-1])
    await play.client(write.serialize()[-1:], q.Close(3, b"h"))
    assert play.target_got() == []
    assert play.holds[-1] is True
    people.say(True)
    await play.answer_questions()
    assert play.target_got() == [cut, write, q.Close(3, b"h")]
    assert play.holds[-1] is False


async def test_denied_by_people() -> None:
    people = People()
    play = await Play(Rules(asks=lambda _: True), approver=people).start()
    play.target_got()
    await play.client(q.Remove(1, b"/a"))
    people.say(False)
    await play.answer_questions()
    assert play.target_got() == []
    assert play.refusals() == ["hoopaddon: no (refused by rules)"]


async def test_the_client_leaves_while_people_are_asked() -> None:
    people = People()
    rules = Rules(asks=lambda _: True)
    play = await Play(rules, approver=people).start()
    play.target_got()
    await play.client(q.Remove(1, b"/a"), q.Remove(2, b"/b"))
    play.guard.close()
    assert len(rules.ended) == 1
    await play.settle()
    assert play.target_got() == []
    assert [command.text for command in rules.ended] == ["remove /a"]
    assert rules.ended[0].error == "the client left before it was decided"


async def test_a_policy_that_breaks_refuses() -> None:
    class Broken:
        def sftp_operation(self, command: FileOperation) -> None:
            raise ValueError(command.path)

    play = await Play(Broken()).start()
    play.target_got()
    await play.client(q.Remove(1, b"/a"))
    assert play.target_got() == []
    assert play.refusals() == ["hoopaddon: policy broken failed (refused by broken)"]


async def test_a_rewrite_is_refused() -> None:
    class Elsewhere:
        def sftp_operation(self, command: FileOperation) -> None:
            command.rewrite("remove /b")

    play = await Play(Elsewhere()).start()
    play.target_got()
    await play.client(q.Remove(1, b"/a"))
    assert play.target_got() == []
    assert play.refusals() == ["hoopaddon: a file operation cannot be rewritten (refused by elsewhere)"]


async def test_the_general_hook_sees_it_too() -> None:
    class Readers:
        def command(self, command: Any) -> None:
            if isinstance(command, FileOperation) and command.verbs != {"read"}:
                raise Refused("read only")

    play = await Play(Readers()).start()
    play.target_got()
    await play.client(q.Open(1, b"/a", 1), q.Open(2, b"/a", 3))
    assert play.target_got() == [q.Open(1, b"/a", 1)]
    assert len(play.client_got()) == 1


async def test_a_folder_is_listed() -> None:
    rules = Rules()
    play = await Play(rules).start()
    await play.client(q.OpenDir(1, b"/d"))
    await play.server(r.Handle(1, b"d"))
    await play.client(q.ReadDir(2, b"d"), q.Read(5, b"d", 0, 1))
    await play.server(r.Names(2, (Name(b"a", b"a", Attributes()), Name(b"b", b"b", Attributes()))))
    await play.client(q.ReadDir(3, b"d"), q.Close(4, b"d"))
    await play.server(r.Status(3, 1, b"end"), r.Status(4, 0, b"ok"))
    assert [(command.text, command.rows, command.tag) for command in rules.ended] == [
        ("list /d", 2, "2 names listed")
    ]


async def test_a_failure_ends_with_its_name_and_not_the_servers_words() -> None:
    rules = Rules()
    play = await Play(rules).start()
    await play.client(q.Open(1, b"/a", 1), q.Stat(2, b"/b"))
    await play.server(r.Status(1, 2, b"/a secret"), r.Attrs(2, Attributes(size=1)))
    assert [(command.text, command.error) for command in rules.ended] == [
        ("read /a", "no such file"),
        ("stat /b", ""),
    ]


async def test_a_copy_between_open_files_is_judged() -> None:
    rules = Rules()
    play = await Play(rules).start()
    play.target_got()
    await play.opened(b"/a", 1, handle=b"a")
    await play.opened(b"/b", 0x1A, handle=b"b")
    copy = q.CopyData(1, b"a", 0, 0, b"b", 0)
    await play.client(copy, q.CopyData(2, b"b", 0, 0, b"a", 0), q.CopyData(3, b"a", 0, 0, b"x", 0))
    assert play.target_got() == [copy]
    assert rules.texts[2:] == ["copy /a /b"]
    assert len(play.client_got()) == 2
    await play.client(q.Close(4, b"b"))
    await play.server(r.Status(1, 0, b"ok"), r.Status(4, 0, b"ok"))
    assert rules.ended[-1].tag == "0 bytes written out of order, no sha256"


async def test_too_many_requests_wait_for_answers() -> None:
    play = await Play(Rules()).start()
    await play.opened_now()
    many = MAX_IN_FLIGHT + 5
    await play.client(*[q.Read(id, b"h", id, 1) for id in range(many)])
    assert len(play.target_got()) == MAX_IN_FLIGHT
    assert play.holds[-1] is True
    await play.server(*[r.Data(id, b"x") for id in range(10)])
    assert len(play.target_got()) == 5
    assert play.holds[-1] is False


async def test_too_many_open_files() -> None:
    rules = Rules()
    play = await Play(rules).start()
    for id in range(MAX_OPEN):
        await play.client(q.Open(id, b"/a", 1))
        await play.server(r.Handle(id, b"h%d" % id))
        play.to_target = play.to_client = b""
    await play.client(q.Open(5, b"/a", 1))
    assert play.refusals() == ["too many open files"]
    assert len(rules.seen) == MAX_OPEN
    await play.client(q.Close(6, b"h0"))
    await play.server(r.Status(6, 0, b"ok"))
    play.target_got()
    await play.client(q.Open(7, b"/a", 1))
    assert play.target_got() == [q.Open(7, b"/a", 1)]


async def test_the_end_of_input_waits_for_what_is_held() -> None:
    people = People()
    play = await Play(Rules(asks=lambda _: True), approver=people).start()
    play.target_got()
    await play.client(q.Remove(1, b"/a"))
    play.guard.client_eof()
    assert play.eof == 0
    people.say(True)
    await play.answer_questions()
    assert play.target_got() == [q.Remove(1, b"/a")]
    assert play.eof == 1


async def test_a_refusal_does_not_cut_into_a_files_contents() -> None:
    people = People()
    play = await Play(Rules(asks=lambda command: "remove" in command.verbs), approver=people).start()
    await play.opened_now()
    data = r.Data(1, b"abcdef").serialize()
    await play.client(q.Remove(2, b"/a"), q.Read(1, b"h", 0, 9))
    await play.server(data[:-3])
    people.say(False)
    await play.settle()
    assert play.to_client == data[:-3]
    await play.server(data[-3:])
    assert [answer.id for answer in play.client_got()] == [1, 2]


async def test_a_question_does_not_cut_into_what_is_written() -> None:
    people = People()
    play = await Play(Rules(asks=lambda command: "remove" in command.verbs), approver=people).start()
    play.target_got()
    await play.opened(b"/data", 2)
    await play.client(q.Remove(1, b"/a"))
    write = q.Write(2, b"h", 0, b"abcdef").serialize()
    play.guard.client_data(write[:-3])
    people.say(True)
    await play.settle()
    assert play.to_target == write[:-3]
    play.guard.client_data(write[-3:])
    await play.settle()
    assert play.target_got() == [q.Write(2, b"h", 0, b"abcdef"), q.Remove(1, b"/a")]


async def test_versions_and_extensions_are_pinned() -> None:
    play = Play()
    await play.client(q.Init(6, ((b"x", b"y"),)).serialize())
    assert play.to_target == q.Init(3).serialize()
    said = r.ServerVersion(3, ((b"limits@openssh.com", b"1"), (b"vendor-id", b"x"))).serialize()
    await play.server(said)
    assert play.to_client == r.ServerVersion(3, ((b"limits@openssh.com", b"1"),)).serialize()
    play.to_client = b""
    await play.client(b"\0\0\0\x12\xc8\0\0\0\1\0\0\0\x09vendor-id", b"\0\0\0\5\x15\0\0\0\2")
    assert play.client_got() == [
        r.Status(1, 8, b"hoopaddon does not know extension 'vendor-id'", b"en"),
        r.Status(2, 8, b"hoopaddon does not know packet type 21", b"en"),
    ]


async def test_a_server_that_takes_more_than_goes_through_here_says_less() -> None:
    play = await Play().start()
    await play.client(q.GetLimits(1), q.GetLimits(2))
    big, small = r.Limits(1, 1 << 30, 1 << 22, 1 << 22, 9), r.Limits(2, 262144, 261120, 261120, 0)
    await play.server(big, small)
    first, second = play.client_got()
    assert first.serialize() == r.Limits(1, 262144, 261120, 261120, 9).serialize()
    assert second.serialize() == small.serialize()
