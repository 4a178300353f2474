"""Documents of the provider's, fetched with bounds: in time, in size, and from nowhere else."""

import asyncio
import ssl
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
    body = bytearray()
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, verify=tls) as client,
            client.stream("GET", address, headers=_HEADERS) as answer,
        ):
            if answer.status_code != 200:
                raise NotFetched(f"{address} answers {answer.status_code}")
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > LIMIT_BYTES:
                    raise NotFetched(f"{address} answers more than {LIMIT_BYTES} bytes")
    except TimeoutError:
        raise NotFetched(f"{address} does not answer in {TIMEOUT_S:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as e:
        raise NotFetched(f"{address} cannot be asked: {type(e).__name__}") from None
    try:
        document = StrictDecoder().decode(body.decode())
    except (ValueError, RecursionError):
        raise NotFetched(f"{address} answers what is no JSON") from None
    if not isinstance(document, dict):
        raise NotFetched(f"{address} answers what is no JSON object")
    return document
