"""Cancel keys of the gateway's own: a client never learns its backend's."""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from hoopaddon.adapters.postgres.mode import PostgresTarget
from hoopaddon.adapters.postgres.protocol.login import BackendKeyData

SHORT_SECRET_BYTES = 4
"""What protocol 3.0 has, and its clients take."""
LONG_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class CancelKey:
    """What a client may cancel with: `backend` is the `target`'s own key, `held` gives up a held command."""

    key: BackendKeyData
    backend: BackendKeyData
    target: PostgresTarget
    held: Callable[[], bool]


class CancelKeys:
    """The keys of the sessions of one listener."""

    def __init__(self) -> None:
        self._keys: dict[int, CancelKey] = {}

    def issue(self, backend: BackendKeyData, target: PostgresTarget, held: Callable[[], bool]) -> CancelKey:
        """A key for this session, long where the protocol version that the peers agreed on has long ones."""
        size = SHORT_SECRET_BYTES if len(backend.secret) == SHORT_SECRET_BYTES else LONG_SECRET_BYTES
        process_id = secrets.randbelow(2**31 - 1) + 1
        while process_id in self._keys:
            process_id = secrets.randbelow(2**31 - 1) + 1
        issued = CancelKey(BackendKeyData(process_id, secrets.token_bytes(size)), backend, target, held)
        self._keys[process_id] = issued
        return issued

    def revoke(self, issued: CancelKey) -> None:
        self._keys.pop(issued.key.process_id, None)

    def find(self, process_id: int, secret: bytes) -> CancelKey | None:
        """The key, if its secret is right."""
        issued = self._keys.get(process_id)
        if issued is None or not hmac.compare_digest(issued.key.secret, secret):
            return None
        return issued
