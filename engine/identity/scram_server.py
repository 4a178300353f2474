"""The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), on a verifier.

Our own because scramp refuses the empty user name that every libpq sends: in PostgreSQL the name of the startup
message counts, and the one in here does not.
"""

import base64
import binascii
import hmac
import os
import re
from hashlib import sha256

from hoopaddon.errors import HoopaddonError
from hoopaddon.identity.scram import ScramVerifier

_NONCE_BYTES = 18

# RFC 5802 section 7. The flag `p` asks for channel binding, which is not offered; `y` says that the client could.
_FIRST = re.compile(r"(?P<header>[ny],,)(?P<bare>n=[^,]*,r=(?P<nonce>[\x21-\x2b\x2d-\x7e]{8,512}))")
_FINAL = re.compile(r"(?P<signed>c=(?P<binding>[A-Za-z0-9+/=]+),r=(?P<nonce>[^,]+)),p=(?P<proof>[A-Za-z0-9+/=]{44})")


class ScramFailed(HoopaddonError):
    """The client did not prove that it knows the password."""


class ScramServer:
    """One exchange: `first` answers the client's first message, `final` its second."""

    def __init__(self, verifier: ScramVerifier) -> None:
        self._verifier = verifier
        self._header = ""
        self._nonce = ""
        self._transcript = ""

    def first(self, message: str) -> str:
        """The server-first-message. Raises `ScramFailed`."""
        found = _FIRST.fullmatch(message)
        if found is None:
            raise ScramFailed("a first message that is not SCRAM without channel binding")
        self._header = found["header"]
        self._nonce = found["nonce"] + base64.b64encode(os.urandom(_NONCE_BYTES)).decode()
        salt = base64.b64encode(self._verifier.salt).decode()
        answer = f"r={self._nonce},s={salt},i={self._verifier.iterations}"
        self._transcript = f"{found['bare']},{answer}"
        return answer

    def final(self, message: str) -> str:
        """The server-final-message, for a client that has proved itself. Raises `ScramFailed`."""
        found = _FINAL.fullmatch(message)
        header = base64.b64encode(self._header.encode()).decode()
        if found is None or not self._nonce or found["binding"] != header or found["nonce"] != self._nonce:
            raise ScramFailed("a final message that does not go with the first")
        transcript = f"{self._transcript},{found['signed']}".encode()
        try:
            proof = base64.b64decode(found["proof"], validate=True)
        except binascii.Error:
            raise ScramFailed("a proof that is not base64") from None
        signature = hmac.digest(self._verifier.stored_key, transcript, "sha256")
        if len(proof) != len(signature):
            raise ScramFailed("a proof of the wrong length")
        client_key = bytes(one ^ other for one, other in zip(proof, signature, strict=True))
        if not hmac.compare_digest(sha256(client_key).digest(), self._verifier.stored_key):
            raise ScramFailed("a wrong password")
        return "v=" + base64.b64encode(hmac.digest(self._verifier.server_key, transcript, "sha256")).decode()
