"""How long something has been so, as people read it."""

import datetime as dt


def seconds_since(time: str) -> float:
    """The seconds that have passed since a timestamp of the API."""
    return (dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(time)).total_seconds()


def age(time: str | None) -> str:
    """The age in the two greatest units, as apimachinery's HumanDuration."""
    return "<unknown>" if not time else human(int(seconds_since(time)))


def human(seconds: int) -> str:
    """A duration in few letters."""
    if seconds < -1:
        return "<invalid>"
    seconds = max(seconds, 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 8 * 365:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(many: int, unit: str, rest: int, small: str) -> str:
    return f"{many}{unit}{rest}{small}" if rest else f"{many}{unit}"
