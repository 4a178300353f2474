"""Server-sent events: however they are cut, and that nothing passes beside the messages in them."""

import json

import pytest

from hoopaddon.adapters.mcp.web.events import Event, Events
from hoopaddon.errors import PeerError
from tests.adapters.mcp.talk import result, texts
from tests.adapters.mcp.test_answers import MAIL, Mask
from tests.adapters.mcp.test_web import CALL, Web, messages, post, stream


@pytest.mark.parametrize(
    "hidden",
    [
        # To some clients the first of these is data, and so is what follows a line's end of Unicode.
        "\ufeffdata: %s",
        "data : %s",
        "Data: %s",
        ": %s",
        "x: %s",
        "id: %s",
        "id: 1\u2028data: %s",
        "event: message\nevent: endpoint\ndata: %s",
        "retry: 1 %s",
    ],
)
async def test_nothing_passes_beside_the_messages(hidden: str) -> None:
    web = Web(Mask())
    said = json.dumps(result(texts(MAIL)))
    _, carried = web.read(post(CALL))
    body = (hidden % said + "\n\n").encode() + stream(result(texts("end")))
    shown = await web.answered(carried, body, streams=True)
    assert MAIL.encode() not in shown
    assert messages(shown) == [result(texts("end"))]


async def test_a_message_is_one_line_to_every_reader() -> None:
    web = Web()
    text = "a\u2028\u2028data: {}\u2028\u2029\x85b"
    _, carried = web.read(post(CALL))
    body = json.dumps(result(texts(text)), ensure_ascii=False).encode()
    shown = (await web.answered(carried, b"data: " + body + b"\n\n", streams=True)).decode()
    assert len(shown.splitlines()) == 2
    assert messages(shown.encode()) == [result(texts(text))]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_an_event_that_does_not_end_is_too_long(end: bytes) -> None:
    events = Events(1000)

    def feed() -> None:
        for _ in range(100):
            list(events.feed(b"data: " + b"x" * 100 + end))

    with pytest.raises(PeerError):
        feed()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("step", [1, 2, 100])
def test_events_however_they_are_cut(end: str, step: int) -> None:
    data = end.join(["id: 1", "data: a", "data: b", "", ":", "data:c", "", ""]).encode() + b"x"
    events = Events(1000)
    found = [event for at in range(0, len(data), step) for event in events.feed(data[at : at + step])]
    assert found == [Event([("id", "1")], "a\nb"), Event([("", "")], "c")]
