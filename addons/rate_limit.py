"""So many commands, and so many rows, for each user and target in a time; an agent in a loop is stopped and told so.

What is used up comes back steadily: with `--set rate_commands=120/1m` one command every half second.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mitmproxy.exceptions import OptionsError

from hoopaddon import Addon, Command, Loader, Refused, Rows, Session, ctx

MOST_BUCKETS = 100_000
COUNTED = "rate_limit.counted"

_RATE = re.compile(r"([1-9][0-9]{0,9})\s*/\s*([0-9]{0,6})(s|m|h|d)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds; all of them may come at once."""

    count: int
    window_s: float
    text: str

    @classmethod
    def read(cls, option: str, text: str) -> "Rate":
        """Raises `OptionsError`, with what to write instead."""
        found = _RATE.fullmatch(text.strip())
        window_s = int(found[2] or 1) * _UNIT_S[found[3]] if found else 0
        if found is None or not window_s:
            raise OptionsError(f"{option}: {text!r} is no rate; write for example 600/1m, 10/s or 100000/1h")
        return cls(int(found[1]), window_s, f"{found[1]} in {found[2] or 1}{found[3]}")

    def seconds_for(self, count: float) -> float:
        """How long so many take to come back."""
        return count * self.window_s / self.count


@dataclass(slots=True)
class Bucket:
    """What is left of a rate, and when that was so."""

    left: float
    at_s: float


class Buckets:
    """The buckets of one rate: those that are full again are forgotten, and there is room for only so many others."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._table: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    def of(self, key: tuple[str, str], now_s: float) -> Bucket:
        """The bucket as it is now. Raises `Refused` where there is no room for one more."""
        bucket = self._table.get(key)
        if bucket is None:
            self._make_room(now_s)
            bucket = self._table[key] = Bucket(self.rate.count, now_s)
        self._table.move_to_end(key)
        bucket.left = min(self.rate.count, bucket.left + (now_s - bucket.at_s) * self.rate.count / self.rate.window_s)
        bucket.at_s = now_s
        return bucket

    def _make_room(self, now_s: float) -> None:
        while self._table:
            key, oldest = next(iter(self._table.items()))
            if now_s - oldest.at_s < self.rate.seconds_for(self.rate.count - oldest.left):
                break
            del self._table[key]
        if len(self._table) >= MOST_BUCKETS:
            # To forget one that is not full would give somebody another rate.
            raise Refused("too many users at the same time: try again later")

    def __len__(self) -> int:
        return len(self._table)


class RateLimit(Addon):
    """Counts commands when they arrive and rows when they pass, for each user, or for each user at each target."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._commands: Buckets | None = None
        self._rows: Buckets | None = None
        self._by_target = True
        self._except: frozenset[str] = frozenset()

    def load(self, loader: Loader) -> None:
        add = loader.add_option
        add("rate_commands", str, "600/1m", "How many commands a user may send, as `600/1m`; empty: any number.")
        add("rate_rows", str, "", "How many rows a user may read, as `100000/1h`; empty: any number.")
        add("rate_by_target", bool, True, "Count each target by itself; false: all of them together.")
        add("rate_except", Sequence[str], [], "Groups whose members are not counted.")

    def configure(self, updated: set[str]) -> None:
        options = ctx.options
        self._commands = self._buckets(self._commands, "rate_commands", options.rate_commands)
        self._rows = self._buckets(self._rows, "rate_rows", options.rate_rows)
        self._by_target = options.rate_by_target
        self._except = frozenset(_listed(options.rate_except))

    @staticmethod
    def _buckets(now: Buckets | None, option: str, text: str) -> Buckets | None:
        if not text.strip():
            return None
        rate = Rate.read(option, text)
        # Another option that changes gives nobody a new rate.
        return now if now is not None and now.rate == rate else Buckets(rate)

    def command(self, command: Command) -> None:
        session = command.session
        if self._except & session.user.groups:
            return
        now_s = self._clock()
        if self._rows is not None:
            rate, left = self._rows.rate, self._rows.of(self._key(session), now_s).left
            if left < 1:
                raise Refused(f"more than {rate.text} rows: {_wait(rate.seconds_for(1 - left))}")
        # One that a later policy rewrites is judged again, and still is one command.
        if self._commands is None or session.vars.get(COUNTED) == command.number:
            return
        rate, bucket = self._commands.rate, self._commands.of(self._key(session), now_s)
        if bucket.left < 1:
            raise Refused(f"more than {rate.text} commands: {_wait(rate.seconds_for(1 - bucket.left))}")
        session.vars[COUNTED] = command.number
        bucket.left -= 1

    def rows(self, rows: Rows) -> None:
        session = rows.command.session
        if self._rows is None or self._except & session.user.groups:
            return
        bucket, rate = self._rows.of(self._key(session), self._clock()), self._rows.rate
        count = len(rows)
        if count > bucket.left:
            missing = min(count, rate.count) - bucket.left
            bucket.left = 0.0
            raise Refused(f"more than {rate.text} rows: {_wait(rate.seconds_for(missing))}, and ask for fewer")
        bucket.left -= count

    def _key(self, session: Session) -> tuple[str, str]:
        # Capitals make no other person of somebody.
        return session.user.subject.casefold(), session.target.name if self._by_target else ""


def _wait(seconds: float) -> str:
    whole = max(1, int(seconds) + (seconds % 1 > 0))
    return f"try again in {whole} s" if whole < 120 else f"try again in {-(-whole // 60)} min"


def _listed(values: Iterable[str]) -> list[str]:
    """The items of an option that may be given several times, with commas, or both."""
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


addons = [RateLimit()]
