"""The FunctionCall message (section 54.2.4): a function by its OID, with arguments that say nothing of their types.

libpq's large objects still use it. It is refused unless the mode allows it, for what comes back cannot be read.
"""

from hoopaddon.adapters.postgres.protocol.codec import Reader, format_of

# What libpq and pgjdbc call this way (pg_proc.dat); anything else has only its OID.
_NAMES = {
    715: "lo_create",
    764: "lo_import",
    765: "lo_export",
    767: "lo_import",
    952: "lo_open",
    953: "lo_close",
    954: "loread",
    955: "lowrite",
    956: "lo_lseek",
    957: "lo_creat",
    958: "lo_tell",
    964: "lo_unlink",
    1004: "lo_truncate",
    3170: "lo_lseek64",
    3171: "lo_tell64",
    3172: "lo_truncate64",
}


def call_text(payload: bytes) -> tuple[str, tuple[str | None, ...]]:
    """The call as SQL that means the same, and its arguments: binary ones as `\\x…`."""
    reader = Reader("client", payload)
    oid = reader.int32() & 0xFFFFFFFF
    formats = tuple(reader.int16() for _ in range(reader.count()))
    values = [reader.value() for _ in range(reader.count())]
    reader.int16()
    reader.end()
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    name = _NAMES.get(oid, f'"function with OID {oid}"')

    arguments = tuple(_argument(value, format_of(formats, index)) for index, value in enumerate(values))
    return f"SELECT {name}({places})", arguments


def _argument(value: bytes | None, format: int) -> str | None:
    if value is None:
        return None
    return f"\\x{value.hex()}" if format else value.decode("utf-8", "replace")
