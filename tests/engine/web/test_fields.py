"""Header fields of answers, through the policies: what is masked, what is left alone, and what does not pass."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hoopaddon import Output, Refused
from tests.engine.traffic.breaking import Policy
from tests.servers.http import Address, Respond, exchange, get, plain
from tests.servers.in_front import InFront

MODE = "http:http://127.0.0.1:{}@127.0.0.1:0"
MAIL = "ada@example.com"


def masks(output: Output) -> None:
    output.text = output.text.replace(MAIL, "[email]")


async def fields(address: Address) -> dict[str, str]:
    """Those of the answer, by their names as they were sent."""
    head = (await exchange(address, get())).partition(b"\r\n\r\n")[0].decode()
    return dict(line.split(": ", 1) for line in head.split("\r\n")[1:])


def saying(*lines: str, body: bytes = b"x") -> Respond:
    return plain(body, headers="".join(f"{line}\r\n" for line in lines).encode())


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (f"X-Customer: {MAIL}", {"X-Customer": "[email]"}),
        (f"x-CUSTOMER: a, {MAIL}; b", {"x-CUSTOMER": "a, [email]; b"}),
        (f"Content-Disposition: inline; filename={MAIL}", {"Content-Disposition": "inline; filename=[email]"}),
        (f"Warning: 299 - {MAIL}", {"Warning": "299 - [email]"}),
        # Whoever acts on these would be led astray.
        (f"Location: /users/{MAIL}", {"Location": f"/users/{MAIL}"}),
        (f"Set-Cookie: a={MAIL}", {"Set-Cookie": f"a={MAIL}"}),
        (f"Link: </u/{MAIL}>; rel=next", {"Link": f"</u/{MAIL}>; rel=next"}),
        ("X-Empty:", {"X-Empty": ""}),
        ("X-User-Bin: YWRh", {}),
        ("X-Bytes: caf\u00e9", {"X-Bytes": "caf\u00e9"}),
    ],
)  # fmt: skip
async def test_a_field(in_front: InFront, said: str, heard: dict[str, str]) -> None:
    async with in_front(Policy(output=masks), respond=saying(said), mode=MODE) as (_, address):
        found = await fields(address)
    name = said.partition(":")[0]
    assert {key: value for key, value in found.items() if key == name} == heard


@pytest.mark.parametrize(
    "status", [b"204 No Content", b"304 Not Modified", b"302 Found", b"500 Internal Server Error"]
)
async def test_answers_of_any_status(in_front: InFront, status: bytes) -> None:
    respond = plain(b"", status=status, headers=f"X-Customer: {MAIL}\r\n".encode())
    async with in_front(Policy(output=masks), respond=respond, mode=MODE) as (_, address):
        assert (await fields(address))["X-Customer"] == "[email]"


async def test_a_refusal_is_the_answer(in_front: InFront) -> None:
    def refuses(output: Output) -> None:
        if output.kind == "header" and MAIL in output.text:
            raise Refused("no addresses here")

    async with in_front(Policy(output=refuses), respond=saying(f"X-A: {MAIL}"), mode=MODE) as (_, address):
        answer = await exchange(address, get())
    assert b" 403 " in answer
    assert MAIL.encode() not in answer


def breaks(output: Output) -> None:
    if output.kind == "header":
        raise ValueError(output.text)


def adds_a_line(output: Output) -> None:
    if output.kind == "header":
        output.text += "X-More: 1\n"


def takes_a_line(output: Output) -> None:
    if output.kind == "header":
        output.text = output.text.partition("\n")[2]


def takes_the_end(output: Output) -> None:
    if output.kind == "header":
        output.text = output.text.removesuffix("\n")


def renames(output: Output) -> None:
    if output.kind == "header":
        output.text = output.text.replace("X-A", "X-C").replace("X-B: ", "X-B:")


def splits(output: Output) -> None:
    if output.kind == "header":
        output.text = output.text.replace(MAIL, "a\r\nSet-Cookie: b")


async def awaits(output: Output) -> None:
    if output.kind == "header":
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "hook",
    [breaks, adds_a_line, takes_a_line, takes_the_end, renames, splits, awaits],
    ids=lambda hook: hook.__name__,
)
async def test_what_a_policy_makes_unreadable_does_not_pass(in_front: InFront, hook: Callable[[Any], Any]) -> None:
    respond = saying(f"X-A: {MAIL}", f"X-B: {MAIL}", "Content-Type: text/plain")
    async with in_front(Policy(output=hook), respond=respond, mode=MODE) as (_, address):
        answer = await exchange(address, get())
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert MAIL.encode() not in answer
    assert b"set-cookie" not in head
    assert b"\r\nx-" not in head


async def test_without_a_policy_that_wants_output_all_pass(in_front: InFront) -> None:
    async with in_front(Policy(), respond=saying(f"X-A: {MAIL}", "X-B-Bin: YQ=="), mode=MODE) as (_, address):
        found = await fields(address)
    assert (found["X-A"], found["X-B-Bin"]) == (MAIL, "YQ==")
