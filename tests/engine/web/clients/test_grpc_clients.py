"""grpcio's client and server, with the gateway between them: HTTP/2 on both sides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from hoopaddon.gateway import serving
from tests.engine.web.clients.conftest import EMAIL, MASK, Certificate, Looks, Policies

WITHIN_S = 15
SERVICE = "shop.Orders"


def message(text: str) -> bytes:
    """A message with one field, a string."""
    said = text.encode()
    assert len(said) < 128
    return b"\x0a" + bytes([len(said)]) + said


async def unary(request: bytes, context: Any) -> bytes:
    context.set_trailing_metadata((("x-after", "yes"),))
    if b"missing" in request:
        await context.abort(grpc.StatusCode.NOT_FOUND, f"no order of {EMAIL}, 100%")
    return message(f"for {EMAIL}")


async def to_client(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
    for n in range(5):
        yield message(f"part {n} for {EMAIL}")


async def from_client(requests: AsyncIterator[bytes], _context: Any) -> bytes:
    return message(f"{len([request async for request in requests])} came")


async def both(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


HANDLERS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "ToClient": grpc.unary_stream_rpc_method_handler(to_client),
    "FromClient": grpc.stream_unary_rpc_method_handler(from_client),
    "Both": grpc.stream_stream_rpc_method_handler(both),
}


@asynccontextmanager
async def channel(
    certificate: Certificate, confdir: Path, *addons: object, tls: bool = False, allow: str = ""
) -> AsyncIterator[grpc.aio.Channel]:
    """A client's channel through a gateway with these policies."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, HANDLERS),))
    credentials = grpc.ssl_server_credentials(((certificate.key, certificate.pem),))
    port = server.add_secure_port("localhost:0", credentials)
    await server.start()
    modes = [f"http:https://localhost:{port}?ca={certificate.path}{allow}@127.0.0.1:0"]
    try:
        async with serving(modes=modes, addons=addons, confdir=str(confdir)) as gateway:
            at = f"localhost:{gateway.servers.listen_addrs()[0][1]}"
            if tls:
                authority = (confdir / "hoopaddon-ca-cert.pem").read_bytes()
                opened = grpc.aio.secure_channel(at, grpc.ssl_channel_credentials(authority))
            else:
                opened = grpc.aio.insecure_channel(at)
            async with opened:
                yield opened
    finally:
        await server.stop(0)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("policies", [Looks, Policies])
async def test_calls(certificate: Certificate, web_confdir: Path, policies: type, tls: bool) -> None:
    shown = MASK if policies is Policies else EMAIL
    watch = policies()
    async with channel(certificate, web_confdir, watch, tls=tls) as to:
        call = to.unary_unary(f"/{SERVICE}/Unary")(message("hello"), timeout=WITHIN_S)
        assert await call == message(f"for {shown}")
        assert (await call.code()) is grpc.StatusCode.OK
        after = dict(await call.trailing_metadata())
        # Where answers are edited, what nobody could look into is left out.
        assert after.get("x-after") == ("yes" if policies is Looks else None)
        parts = to.unary_stream(f"/{SERVICE}/ToClient")(message("hello"), timeout=WITHIN_S)
        assert [part async for part in parts] == [message(f"part {n} for {shown}") for n in range(5)]
        many = to.stream_unary(f"/{SERVICE}/FromClient")(iter([message("x")] * 7), timeout=WITHIN_S)
        assert await many == message("7 came")
    assert [command.text.split("\n")[0] for command in watch.ended] == [
        f"POST /{SERVICE}/{name}" for name in ("Unary", "ToClient", "FromClient")
    ]


@pytest.mark.parametrize("policies", [Looks, Policies])
async def test_an_error_is_the_servers_own(certificate: Certificate, web_confdir: Path, policies: type) -> None:
    shown = MASK if policies is Policies else EMAIL
    async with channel(certificate, web_confdir, policies()) as to:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await to.unary_unary(f"/{SERVICE}/Unary")(message("missing"), timeout=WITHIN_S)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        assert caught.value.details() == f"no order of {shown}, 100%"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await to.unary_unary(f"/{SERVICE}/None")(message("x"), timeout=WITHIN_S)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("tls", [False, True])
async def test_a_refusal(certificate: Certificate, web_confdir: Path, tls: bool) -> None:
    async with channel(certificate, web_confdir, Policies(), tls=tls) as to:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await to.unary_unary(f"/{SERVICE}/delete-me")(message("x"), timeout=WITHIN_S)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert "nothing is deleted here" in str(caught.value.details())
        assert await to.unary_unary(f"/{SERVICE}/Unary")(message("x"), timeout=WITHIN_S)


async def test_calls_in_both_directions(certificate: Certificate, web_confdir: Path) -> None:
    """A call in both directions waits for its end where its messages are judged, unless they may pass unseen."""

    async def talk(to: grpc.aio.Channel, timeout: float) -> list[bytes]:
        call = to.stream_stream(f"/{SERVICE}/Both")(timeout=timeout)
        heard = []
        for n in range(3):
            await call.write(message(f"word {n}"))
            heard.append(await call.read())
        await call.done_writing()
        return heard

    async with channel(certificate, web_confdir, Looks()) as to:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await talk(to, 0.5)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    async with channel(certificate, web_confdir, Policies(), allow="&allow=large_body") as to:
        assert await talk(to, WITHIN_S) == [message(f"word {n}") for n in range(3)]
