"""A login on another device (RFC 8628), for machines without a browser."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hoopaddon.identity.oidc.fetch import NotFetched
from hoopaddon.identity.oidc.settings import check_address
from hoopaddon.login.client.provider import ProviderClient
from hoopaddon.login.protocol import DEVICE_CODE, LoginFailed, why

DEFAULT_INTERVAL_S = 5.0
MAX_INTERVAL_S = 60.0
SLOW_DOWN_S = 5.0
MAX_WITHIN_S = 1800.0


@dataclass(frozen=True, slots=True)
class DeviceLogin:
    """What the user is told: where to go, and which code to type there; `whole` is an address with the code in it."""

    address: str
    code: str
    whole: str = ""


async def by_device(server: ProviderClient, show: Callable[[DeviceLogin], None]) -> tuple[int, dict[str, Any]]:
    """What the token endpoint answers, once the user has logged in. Raises `LoginFailed`, `NotFetched`."""
    if not server.device_endpoint:
        raise LoginFailed("the provider has no device codes: log in with --no-browser, or where there is a browser")
    status, said = await server.post(server.device_endpoint, scope=server.scope)
    if status != 200:
        raise LoginFailed(f"the provider gives no device code: {why(status, said)}")
    device_code, login = _checked(said)
    show(login)
    interval_s = _seconds(said.get("interval"), DEFAULT_INTERVAL_S, MAX_INTERVAL_S)
    until = time.monotonic() + _seconds(said.get("expires_in"), MAX_WITHIN_S, MAX_WITHIN_S)
    while time.monotonic() + interval_s < until:
        await asyncio.sleep(interval_s)
        try:
            status, said = await server.post(server.token_endpoint, grant_type=DEVICE_CODE, device_code=device_code)
        except NotFetched:
            # RFC 8628 section 3.5: it may be back the next time.
            continue
        match said.get("error"):
            case "authorization_pending":
                continue
            case "slow_down":
                interval_s += SLOW_DOWN_S
            case _:
                return status, said
    raise LoginFailed("nobody has logged in while the code was good")


def _checked(said: dict[str, Any]) -> tuple[str, DeviceLogin]:
    names = ("device_code", "user_code", "verification_uri")
    if not all(isinstance(said.get(name), str) and said[name].isprintable() for name in names):
        raise LoginFailed("the provider's device code cannot be read")
    check_address(said["verification_uri"], key="verification_uri")
    whole = said.get("verification_uri_complete", "")
    is_shown = isinstance(whole, str) and whole.isprintable() and whole.startswith(("https://", "http://"))
    return said["device_code"], DeviceLogin(said["verification_uri"], said["user_code"], whole if is_shown else "")


def _seconds(value: object, default: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return default
    return min(float(value), most)
