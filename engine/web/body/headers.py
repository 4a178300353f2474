"""What a message's header fields have to say differently when its body is edited.

Both change before anybody knows whether something will be masked: the fields leave before the body is there.
"""

from hoopaddon.errors import Refused
from hoopaddon.stream import Policies
from hoopaddon.web.body.coding import CODINGS
from hoopaddon.web.request import Headers

# What describes bytes that will not be the same (RFC 9110 section 8, RFC 9530), and what clouds say of them.
_OF_THE_BYTES = frozenset(
    {"content-length", "content-md5", "digest", "content-digest", "repr-digest", "x-goog-hash", "accept-ranges"}
    | {"x-goog-stored-content-length", "x-ms-content-crc64", "x-ms-blob-content-md5", "x-content-hash"}
)
_CHECKSUMS = "x-amz-checksum-"
_RANGES = frozenset({"range", "if-range", "want-digest", "want-content-digest", "want-repr-digest"})
_ACCEPTED = ("gzip", "br", "zstd", "deflate", "identity", "*")


def whole_request(headers: Headers, gateway: Policies) -> Headers:
    """The fields of a request as the target gets them where policies edit what comes back.

    A range could be cut through what would be masked, so the whole is asked for: a server may always answer so
    (RFC 9110 section 14.2). Only codings are accepted that can be looked into.
    """
    if not gateway.chain.wants_output:
        return headers
    kept: list[tuple[str, str]] = []
    for name, value in headers:
        lowered = name.lower()
        if lowered == "accept-encoding":
            kept.append((name, _readable(value)))
        elif lowered not in _RANGES:
            kept.append((name, value))
    return Headers(tuple(kept))


def _readable(value: str) -> str:
    parts = [part.strip() for part in value.split(",")]
    kept = [part for part in parts if part.partition(";")[0].strip().lower() in (*_ACCEPTED, *CODINGS)]
    # `*` would let the target choose any other.
    named = [part for part in kept if not part.startswith("*") or part.replace(" ", "").endswith(";q=0")]
    return ", ".join(named) or "identity"


def edited_headers(headers: Headers, gateway: Policies, *, status: int = 200) -> Headers:
    """The fields of a response whose body `body_editor` edits; also those of its trailers, and of a HEAD or 304.

    The length and all digests go, since other bytes will be sent. A strong `ETag` becomes a weak one: the edited
    representation is not the target's byte for byte, so nobody may resume it, or overwrite the target's by it.
    Raises `Refused` for a part of a representation, which nobody asked for: see `whole_request`.
    """
    if not gateway.chain.wants_output:
        return headers
    if status == 206 or ("content-range" in headers and status != 416):
        raise Refused("the target sends a part of what was asked for whole, and a part cannot be masked")
    kept: list[tuple[str, str]] = []
    for name, value in headers:
        lowered = name.lower()
        if lowered == "etag":
            kept.append((name, value if value.startswith("W/") else f"W/{value}"))
        elif lowered not in _OF_THE_BYTES and not lowered.startswith(_CHECKSUMS):
            kept.append((name, value))
    return Headers(tuple(kept))
