"""asciicast, the format of asciinema: https://docs.asciinema.org/manual/asciicast/v2 and v3."""

import json
from collections.abc import Iterable, Iterator

from hoopaddon.cli.screen_filter import ScreenFilter
from hoopaddon.cli.takes import Frame, Take

VERSIONS = (2, 3)


def lines(take: Take, frames: Iterable[Frame], *, version: int = 2, raw: bool = False) -> Iterator[str]:
    """The file's lines, without their line feeds, in ASCII. Unless it is `raw`, playing it harms no terminal."""
    columns, rows = take.size
    header: dict[str, object] = {"version": version}
    if version == 2:
        header |= {"width": columns, "height": rows, "duration": round(take.seconds, 3)}
        environment = {"env": {"TERM": take.term}} if take.term else {}
    else:
        header["term"] = {"cols": columns, "rows": rows, **({"type": take.term} if take.term else {})}
        environment = {}
    yield _json({**header, "timestamp": int(take.began), "title": take.title or "programs", **environment})
    screen, before_ms = ScreenFilter(), 0
    for frame in frames:
        at_ms = max(round(frame.at_s * 1000), before_ms)
        said = f"{frame.size[0]}x{frame.size[1]}" if frame.size else frame.text if raw else screen.feed(frame.text)
        if not said:
            continue
        # Version 3 counts from the event before; counting in whole milliseconds, nothing is lost in rounding.
        time_ms = at_ms if version == 2 else at_ms - before_ms
        yield _json([time_ms / 1000, "r" if frame.size else "o", said])
        before_ms = at_ms


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(", ", ": "))
