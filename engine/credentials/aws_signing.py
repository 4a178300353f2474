"""AWS's own library for signatures (SigV4), and who the gateway is at AWS: by environment, profile, or role."""

import asyncio
from concurrent.futures import Future
from functools import cache
from io import BytesIO
from types import ModuleType
from typing import Any

from hoopaddon.credential import CredentialUnavailable

NEEDS = "needs awscrt: pip install 'hoopaddon[aws]'"


def library() -> tuple[ModuleType, ModuleType]:
    """awscrt's `auth` and `http`. Raises `ValueError` where it is not installed."""
    try:
        from awscrt import auth  # type: ignore[import-untyped]
        from awscrt import http as messages
    except ImportError:
        raise ValueError(f"aws {NEEDS}") from None
    return auth, messages


@cache
def _who() -> Any:
    """AWS's default chain; it keeps and renews what it finds."""
    return library()[0].AwsCredentialsProvider.new_default_chain()


async def signed(
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    *,
    region: str,
    service: str,
    expires_s: int | None = None,
) -> Any:
    """The request with the gateway's signature: in its query where it expires, else in a header.

    Raises `CredentialUnavailable`.
    """
    try:
        auth, messages = library()
    except ValueError:
        raise CredentialUnavailable(NEEDS) from None
    kinds = auth.AwsSignatureType
    kind = kinds.HTTP_REQUEST_HEADERS if expires_s is None else kinds.HTTP_REQUEST_QUERY_PARAMS
    request = messages.HttpRequest(method, path, messages.HttpHeaders(list(headers.items())), BytesIO(body))
    try:
        who: Future[Any] = _who().get_credentials()
        await asyncio.wrap_future(who)
    except Exception:  # awscrt's own, which say no more than that there are none
        raise CredentialUnavailable("the gateway finds no credentials of its own for AWS") from None
    how = auth.AwsSigningConfig(
        algorithm=auth.AwsSigningAlgorithm.V4,
        signature_type=kind,
        credentials_provider=_who(),
        region=region,
        service=service,
        expiration_in_seconds=expires_s,
    )
    try:
        return await asyncio.wrap_future(auth.aws_sign_request(request, how))
    except Exception as e:
        raise CredentialUnavailable(f"the request cannot be signed: {type(e).__name__}") from None
