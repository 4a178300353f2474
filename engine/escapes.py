"""What in a terminal's text is no text: control sequences (ECMA-48, and xterm's strings), by their syntax alone."""

import re

_CSI = r"\[[0-?]*[ -/]*[@-~]"
# A string, an operating system command for example, ends with ST or BEL; CAN, SUB and ESC break it off.
_STRING = r"[\]PX^_][^\x07\x18\x1a\x1b]*(?:\x07|\x18|\x1a|\x1b\\|(?=\x1b))"
_SHORT = r"[ -/]*[0-OQ-WYZ`-~\\]"

CONTROL_SEQUENCE = rf"\x1b(?:{_CSI}|{_STRING}|{_SHORT})"
"""A whole control sequence, for use inside of a regular expression."""

_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[ -/]*|[\]PX^_][^\x07\x18\x1a\x1b]*\x1b?)\Z")
_LONGEST = 4096


def unfinished(data: bytes) -> int:
    """Where the control sequence begins of which the data has only the beginning; its length where there is none.

    One that is longer than 4 KiB, an image for example, is not looked back to.
    """
    start = max(0, len(data) - _LONGEST)
    escape = data.rfind(b"\x1b", start)
    if escape < 0:
        return len(data)
    # A string may end with ESC and a backslash, of which the ESC alone is there.
    before = data.rfind(b"\x1b", start, escape)
    for begin in (before, escape):
        if begin >= 0 and _UNFINISHED.match(data, begin):
            return begin
    return len(data)
