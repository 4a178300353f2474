"""Documents of the provider's, fetched with bounds: in time, in size, and from nowhere else."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from typing import Any

import httpx2

from hoopaddon.errors import HoopaddonError
from hoopaddon.identity.compact import StrictDecoder

TIMEOUT_S = 10.0
LIMIT_BYTES = 512 * 1024
# What is compressed may be of any size: it is read as it comes, and is no JSON then.
_HEADERS = {"accept": "application/json", "accept-encoding": "identity"}


class NotFetched(HoopaddonError):
    """A document that is not to be had, and why; the text quotes nothing of it."""


async def fetch_json(address: str, tls: ssl.SSLContext | bool) -> dict[str, Any]:
    """The JSON object at this address. Raises `NotFetched`."""
    status, document = await ask(address, tls)
    if status != 200:
        raise NotFetched(f"{address} answers {status}")
    return document


async def ask(
    address: str,
    tls: ssl.SSLContext | bool,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """What is answered to a form, or to nothing: a status and a JSON object. Raises `NotFetched`.

    A status that is no success may come without an object; it is empty then.
    """
    body = bytearray()
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, verify=tls) as client,
            client.stream(
                "GET" if form is None else "POST", address, data=form, headers={**_HEADERS, **(headers or {})}
            ) as answer,
        ):
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > LIMIT_BYTES:
                    raise NotFetched(f"{address} answers more than {LIMIT_BYTES} bytes")
    except TimeoutError:
        raise NotFetched(f"{address} does not answer in {TIMEOUT_S:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as e:
        raise NotFetched(f"{address} cannot be asked: {_reason(e)}") from None
    return answer.status_code, _object(bytes(body), address, answer.is_success)


def _reason(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, socket.gaierror):
            return "there is no such host"
        cause = cause.__cause__ or cause.__context__
    return "nobody answers there" if isinstance(error, httpx2.ConnectError) else type(error).__name__


def _object(body: bytes, address: str, is_success: bool) -> dict[str, Any]:
    try:
        document = StrictDecoder().decode(body.decode())
    except (ValueError, RecursionError):
        if not is_success:
            return {}
        raise NotFetched(f"{address} answers what is no JSON") from None
    if isinstance(document, dict):
        return document
    if not is_success:
        return {}
    raise NotFetched(f"{address} answers what is no JSON object")
