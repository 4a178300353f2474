"""What the versions of MCP know, by the types of the `mcp` package.

Importing this module takes a while; the adapter does it when the first session begins.
"""

from collections.abc import Mapping
from typing import Any

from mcp_types import methods, version
from pydantic import ValidationError

from hoopaddon.adapters.mcp.messages import INVALID_PARAMS, METHOD_NOT_FOUND

HANDSHAKE_VERSIONS = version.HANDSHAKE_PROTOCOL_VERSIONS
"""Those that begin with `initialize`."""
MODERN_VERSIONS = version.MODERN_PROTOCOL_VERSIONS
"""Those in which every request says its version."""
LATEST_HANDSHAKE = version.LATEST_HANDSHAKE_VERSION
BATCHING = frozenset({"2025-03-26"})
"""The one version with batches."""

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CLIENT_KEY = "io.modelcontextprotocol/clientInfo"


class NotAllowed(Exception):
    """A request that a version of the protocol does not know, or not so. The text quotes only names."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def check_client_request(method: str, in_version: str, params: Mapping[str, Any]) -> None:
    """Raises `NotAllowed`."""
    _check(methods.CLIENT_REQUESTS, method, in_version, {"id": 0, "params": dict(params)})


def check_server_request(method: str, in_version: str, params: Mapping[str, Any]) -> None:
    """Raises `NotAllowed`."""
    _check(methods.SERVER_REQUESTS, method, in_version, {"id": 0, "params": dict(params)})


def check_input_request(method: str, params: Mapping[str, Any]) -> None:
    """What a server asks within its answer. Raises `NotAllowed`."""
    _check(methods.SERVER_REQUESTS, method, LATEST_HANDSHAKE, {"id": 0, "params": dict(params)})


def check_client_notification(method: str, in_version: str, params: Mapping[str, Any]) -> None:
    """Raises `NotAllowed`."""
    _check(methods.CLIENT_NOTIFICATIONS, method, in_version, {"params": dict(params)})


def check_server_notification(method: str, in_version: str, params: Mapping[str, Any]) -> None:
    """Raises `NotAllowed`."""
    _check(methods.SERVER_NOTIFICATIONS, method, in_version, {"params": dict(params)})


def _check(known: Mapping[tuple[str, str], Any], method: str, in_version: str, body: dict[str, Any]) -> None:
    model = known.get((method, in_version))
    if model is None:
        raise NotAllowed(METHOD_NOT_FOUND, f"{method} is none of protocol version {in_version or 'unknown'}")
    try:
        model.model_validate({"jsonrpc": "2.0", "method": method, **body}, by_name=False)
    except ValidationError as e:
        place = ".".join(str(part) for part in e.errors(include_input=False, include_url=False)[0]["loc"][:4])
        raise NotAllowed(INVALID_PARAMS, f"{method}: its {place or 'params'} is not what the protocol says") from None
    except RecursionError:
        raise NotAllowed(INVALID_PARAMS, f"{method}: nested too deep") from None
