"""Addresses and identifiers."""

import re
import socket
import struct
import uuid

from hoopaddon.adapters.postgres.values.types.scalar import UINT64, Scalar, Unfit, matched

# -- inet, cidr: family, prefix length, whether a cidr, address length, address (PostgreSQL's network.c)

_FAMILIES = {2: 4, 3: 16}
"""The server's own numbers for IPv4 and IPv6, with the length of their addresses."""
_PREFIX = re.compile(r"([0-9a-fA-F:.]{2,45})(?:/([0-9]{1,3}))?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LSN = re.compile(r"([0-9A-F]{1,8})/([0-9A-F]{1,8})")
_SNAPSHOT = re.compile(r"([0-9]{1,20}):([0-9]{1,20}):((?:[0-9]{1,20}(?:,[0-9]{1,20})*)?)")


def _address_text(address: bytes) -> str:
    if len(address) == 4:
        return ".".join(map(str, address))
    words = struct.unpack(">8H", address)
    start, length = _longest_zeros(words)
    if start == 0 and (length == 6 or (length == 5 and words[5] == 0xFFFF)):
        return f"::{'ffff:' if length == 5 else ''}{_address_text(address[12:])}"
    if length < 2:
        return ":".join(f"{word:x}" for word in words)
    head = ":".join(f"{word:x}" for word in words[:start])
    return f"{head}::{':'.join(f'{word:x}' for word in words[start + length :])}"


def _longest_zeros(words: tuple[int, ...]) -> tuple[int, int]:
    best_start, best_length, start = 0, 0, 0
    for position, word in enumerate((*words, 1)):
        if word:
            if position - start > best_length:
                best_start, best_length = start, position - start
            start = position + 1
    return best_start, best_length


def _decode_inet(data: bytes) -> str:
    family, prefix, is_cidr, length = data[:4]
    if _FAMILIES.get(family) != length or len(data) != 4 + length or prefix > length * 8:
        raise ValueError
    text = _address_text(data[4:])
    return text if prefix == length * 8 and not is_cidr else f"{text}/{prefix}"


def _encode_inet(text: str, is_cidr: bool) -> bytes:
    address, prefix = matched(_PREFIX, text).groups()
    family = 3 if ":" in address else 2
    try:
        packed = socket.inet_pton(socket.AF_INET6 if family == 3 else socket.AF_INET, address)
    except OSError:
        raise Unfit from None
    bits = len(packed) * 8
    length = bits if prefix is None else int(prefix)
    if length > bits or (is_cidr and (prefix is None or int.from_bytes(packed) & ((1 << (bits - length)) - 1))):
        raise Unfit
    return bytes((family, length, is_cidr, len(packed))) + packed


# -- macaddr, macaddr8: the bytes themselves


def _hardware(length: int) -> Scalar:
    pattern = re.compile(rf"[0-9a-f]{{2}}(?::[0-9a-f]{{2}}){{{length - 1}}}")

    def decode(data: bytes) -> str:
        if len(data) != length:
            raise ValueError
        return data.hex(":")

    return Scalar(decode, lambda text: bytes.fromhex(matched(pattern, text)[0].replace(":", "")))


# -- pg_lsn, tid and snapshots


def _decode_lsn(data: bytes) -> str:
    (position,) = UINT64.unpack(data)
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _encode_lsn(text: str) -> bytes:
    high, low = matched(_LSN, text).groups()
    return struct.pack(">II", int(high, 16), int(low, 16))


_TID = struct.Struct(">IH")
_TID_TEXT = re.compile(r"\(([0-9]{1,10}),([0-9]{1,5})\)")


def _decode_tid(data: bytes) -> str:
    block, offset = _TID.unpack(data)
    return f"({block},{offset})"


def _encode_tid(text: str) -> bytes:
    block, offset = map(int, matched(_TID_TEXT, text).groups())
    if block >= 2**32 or offset >= 2**16:
        raise Unfit
    return _TID.pack(block, offset)


def _decode_snapshot(data: bytes) -> str:
    (count,) = struct.unpack_from(">I", data)
    if len(data) != 20 + 8 * count:
        raise ValueError
    xmin, xmax, *running = struct.unpack(f">{count + 2}Q", data[4:])
    return f"{xmin}:{xmax}:{','.join(map(str, running))}"


def _encode_snapshot(text: str) -> bytes:
    xmin, xmax, running = matched(_SNAPSHOT, text).groups()
    numbers = [int(number) for number in (xmin, xmax, *(running.split(",") if running else ()))]
    if max(numbers) >= 2**63:
        raise Unfit
    return struct.pack(f">I{len(numbers)}Q", len(numbers) - 2, *numbers)


NETWORK = {
    "inet": Scalar(_decode_inet, lambda text: _encode_inet(text, False)),
    "cidr": Scalar(_decode_inet, lambda text: _encode_inet(text, True)),
    "macaddr": _hardware(6),
    "macaddr8": _hardware(8),
    "uuid": Scalar(lambda data: str(uuid.UUID(bytes=data)), lambda text: uuid.UUID(matched(_UUID, text)[0]).bytes),
    "pg_lsn": Scalar(_decode_lsn, _encode_lsn),
    "tid": Scalar(_decode_tid, _encode_tid),
    "pg_snapshot": Scalar(_decode_snapshot, _encode_snapshot),
    "txid_snapshot": Scalar(_decode_snapshot, _encode_snapshot),
}
