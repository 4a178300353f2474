"""Values as JSON can hold them."""

from typing import Any

import orjson


def plain(value: Any) -> Any:
    """The same value in what JSON can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | float | orjson.Fragment):
        return value
    return value if isinstance(value, int) and abs(value) < 2**63 else plain(str(value))
