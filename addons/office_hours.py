"""Let commands pass only in the hours that are set, in the time zone that is set.

`--set office_hours="mon-fri 08:00-18:00"` is every working day, `fri 22:00-06:00` the night from Friday to Saturday.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mitmproxy.exceptions import OptionsError

from hoopaddon import Addon, Command, Loader, Refused, Session, SqlCommand, ctx
from hoopaddon.hazards import verbs_tell

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60
LOOK_AHEAD_DAYS = 370

_WINDOW = re.compile(r"(?:(?P<days>[a-z+-]+)\s+)?(?P<start>[0-9]{1,2}:[0-9]{2})\s*-\s*(?P<end>[0-9]{1,2}:[0-9]{2})")
_FORM = "write for example mon-fri 08:00-18:00, sat+sun 10:00-14:00 or fri 22:00-06:00"
# What was let pass may also be finished.
_ENDS = frozenset({"commit", "rollback"})


@dataclass(frozen=True, slots=True)
class Window:
    """Hours that begin on some days of the week; minutes of the day, and after midnight beyond 24 hours."""

    days: frozenset[int]
    start: int
    end: int

    @classmethod
    def read(cls, text: str) -> "Window":
        """Raises `OptionsError`, with what to write instead."""
        found = _WINDOW.fullmatch(text.strip().lower())
        if found is None:
            raise OptionsError(f"office_hours: {text!r} is no window of hours; {_FORM}")
        days = _days(found["days"] or "mon-sun", text)
        start, end = _minutes(found["start"], text), _minutes(found["end"], text)
        if start in (end, MINUTES_A_DAY):
            raise OptionsError(f"office_hours: {text!r} has no length; a whole day is 00:00-24:00")
        return cls(days, start, end if end > start else end + MINUTES_A_DAY)

    def holds(self, day: date, minute: int) -> bool:
        """Whether a minute, counted from the beginning of a day, is in the window that begins on that day."""
        return day.weekday() in self.days and self.start <= minute < self.end


class OfficeHours(Addon):
    """Judges each command by the clock when it arrives; sessions that are open at closing time stay open."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._windows: tuple[Window, ...] = ()
        self._zone = ZoneInfo("UTC")
        self._closed: frozenset[date] = frozenset()
        self._labels: dict[str, str] = {}
        self._except: frozenset[str] = frozenset()
        self._any_time: frozenset[str] = frozenset()

    def load(self, loader: Loader) -> None:
        add = loader.add_option
        add("office_hours", Sequence[str], ["mon-fri 08:00-18:00"], "When commands pass, as `mon-fri 08:00-18:00`.")
        add("office_zone", str, "UTC", "The time zone of office_hours, as `Europe/Berlin`.")
        add("office_closed", Sequence[str], [], "Days without office hours, as `2026-12-25`.")
        add("office_labels", Sequence[str], [], "Only for targets with all of these labels, as `env=prod`.")
        add("office_except", Sequence[str], [], "Groups whose members may work at any time.")
        add("office_any_time", Sequence[str], [], "Verbs that pass at any time, as `select,show,get,list`.")

    def configure(self, updated: set[str]) -> None:
        options = ctx.options
        windows = tuple(Window.read(text) for text in _listed(options.office_hours))
        if not windows:
            raise OptionsError(f"office_hours: nobody could ever do anything; {_FORM}")
        self._zone = _zone(options.office_zone)
        self._closed = frozenset(_date(text) for text in _listed(options.office_closed))
        self._labels = _labels(_listed(options.office_labels))
        self._except = frozenset(_listed(options.office_except))
        self._any_time = frozenset(verb.lower() for verb in _listed(options.office_any_time))
        self._windows = windows

    def command(self, command: Command) -> None:
        if not self._concerns(command.session):
            return
        now = self._clock().astimezone(self._zone)
        if self._is_open(now) or self._passes_always(command):
            return
        raise Refused(f"outside of office hours{self._next_opening(now)}")

    def _concerns(self, session: Session) -> bool:
        if self._except & session.user.groups:
            return False
        return self._labels.items() <= session.target.labels.items()

    def _passes_always(self, command: Command) -> bool:
        ends: frozenset[str] = frozenset()
        if isinstance(command, SqlCommand) and not any("two-phase" in s.clauses for s in command.statements):
            # A transaction that was prepared may be another's.
            ends = _ENDS
        return bool(command.verbs) and command.verbs <= self._any_time | ends and verbs_tell(command)

    def _is_open(self, now: datetime) -> bool:
        """By the clock on the wall: an hour that occurs twice when summer ends is the same hour."""
        day, minute = now.date(), now.hour * 60 + now.minute
        before = day - timedelta(days=1)
        return self._opens(day, minute) or self._opens(before, minute + MINUTES_A_DAY)

    def _opens(self, day: date, minute: int) -> bool:
        return day not in self._closed and any(window.holds(day, minute) for window in self._windows)

    def _next_opening(self, now: datetime) -> str:
        minute = now.hour * 60 + now.minute
        for ahead in range(LOOK_AHEAD_DAYS):
            day = now.date() + timedelta(days=ahead)
            starts = [w.start for w in self._windows if day.weekday() in w.days and (ahead or w.start > minute)]
            if starts and day not in self._closed:
                hour, past = divmod(min(starts), 60)
                return f": come back {day:%a} {day} at {hour:02}:{past:02} ({self._zone.key})"
        return ""


def _days(text: str, window: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split("+"):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise OptionsError(f"office_hours: {window!r} names no days that there are; {_FORM}")
        start, end = DAYS.index(first), DAYS.index(last or first)
        # `fri-mon` goes over the end of the week.
        found |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
    return frozenset(found)


def _minutes(text: str, window: str) -> int:
    hour, minute = map(int, text.split(":"))
    found = hour * 60 + minute
    if minute > 59 or found > MINUTES_A_DAY:
        raise OptionsError(f"office_hours: {window!r} has a time that no clock shows; {_FORM}")
    return found


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OptionsError(f"office_zone: there is no time zone {name!r}; write for example Europe/Berlin") from None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise OptionsError(f"office_closed: {text!r} is no day; write for example 2026-12-25") from None


def _labels(pairs: Iterable[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise OptionsError(f"office_labels: {pair!r} is no label; write name=value, for example env=prod")
        labels[name.strip()] = value.strip()
    return labels


def _listed(values: Iterable[str]) -> list[str]:
    """The items of an option that may be given several times, with commas, or both."""
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


addons = [OfficeHours()]
