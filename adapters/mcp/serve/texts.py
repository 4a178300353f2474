"""What programs print, as much of it as an agent is given."""

from collections.abc import Awaitable, Callable

MAX_TEXT = 200_000
"""Characters of one answer's text."""
_READ = 1 << 14


async def limited(read: Callable[[int], Awaitable[str]]) -> str:
    """The text up to the limit; what is beyond it is read and dropped, so that the program can end."""
    kept, size = [], 0
    while text := await read(_READ):
        if size < MAX_TEXT:
            kept.append(text[: MAX_TEXT - size])
        size += len(text)
    whole = "".join(kept)
    return whole if size <= MAX_TEXT else f"{whole}\n[cut: {size - MAX_TEXT} characters more]"
