"""Change production in working hours alone, when somebody is there to notice.

    hoopaddon -s working_hours.py --set working_hours=08:00-18:00 --set working_zone=Europe/Berlin

Production is any target with the label `env: prod`.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hoopaddon import Command, ConfigError, Loader, Refused, ctx

READS = frozenset({"select", "show", "explain"})
SATURDAY = 5


class WorkingHours:
    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock

    def load(self, loader: Loader) -> None:
        loader.add_option("working_hours", str, "08:00-18:00", "When production may be changed, Monday to Friday.")
        loader.add_option("working_zone", str, "UTC", "The time zone of working_hours.")

    def configure(self, updated: set[str]) -> None:
        try:
            start, end = ctx.options.working_hours.split("-")
            self.start, self.end = time.fromisoformat(start), time.fromisoformat(end)
        except ValueError:
            raise ConfigError("must be two times", key="working_hours", hint="for example 08:00-18:00") from None
        try:
            self.zone = ZoneInfo(ctx.options.working_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ConfigError("no such time zone", key="working_zone", hint="for example Europe/Berlin") from None

    def command(self, command: Command) -> None:
        if command.session.target.labels.get("env") != "prod" or command.verbs <= READS:
            return
        now = self.clock().astimezone(self.zone)
        if now.weekday() >= SATURDAY or not self.start <= now.time() < self.end:
            raise Refused(f"production may be changed Monday to Friday, {ctx.options.working_hours}")


addons = [WorkingHours()]
