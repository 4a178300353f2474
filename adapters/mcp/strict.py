"""JSON as messages are written in it: one reading, and one line."""

import json
import re
from typing import Any

from hoopaddon.errors import Unparsable
from hoopaddon.web import strict_json

_ENDS = re.compile("[\x85\u2028\u2029]")
"""To some readers a line ends here too; JSON has an escape for all that are below a blank."""


class NotStrict(ValueError):
    """The text is no JSON, or JSON that others may read differently. The message quotes nothing of it."""


def loads(data: bytes, *, fold: bool = False) -> Any:
    """The value. With `fold` names that differ only in case are the same. Raises `NotStrict`."""
    try:
        return strict_json.loads(data.decode("utf-8"), fold=fold)
    except UnicodeDecodeError:
        raise NotStrict("not UTF-8") from None
    except strict_json.NotJson:
        raise NotStrict("not JSON") from None
    except Unparsable as e:
        raise NotStrict(e.reason) from None


def dumps(value: Any) -> bytes:
    """One line of JSON: no character in it is a line's end, whatever reads it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return (text if text.isascii() else _ENDS.sub(_escaped, text)).encode("utf-8")


def _escaped(end: re.Match[str]) -> str:
    return f"\\u{ord(end[0]):04x}"
