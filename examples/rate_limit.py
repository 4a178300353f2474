"""So many commands per minute and user: an agent in a loop is stopped, and told so.

hoopaddon -s rate_limit.py --set rate_per_minute=120
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from hoopaddon import Command, Loader, Refused, ctx

WINDOW_S = 60.0
MAX_USERS = 10_000
COUNTED = "rate_limit.counted"


class RateLimit:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.sent: OrderedDict[str, deque[float]] = OrderedDict()

    def load(self, loader: Loader) -> None:
        loader.add_option("rate_per_minute", int, 600, "How many commands a user may send per minute.")

    def command(self, command: Command) -> None:
        # A command that a later policy rewrites is judged again, and still is one command.
        if command.session.vars.get(COUNTED) == command.number:
            return
        command.session.vars[COUNTED] = command.number
        now = self.clock()
        sent = self.sent.setdefault(command.session.user.subject, deque())
        self.sent.move_to_end(command.session.user.subject)
        if len(self.sent) > MAX_USERS:
            self.sent.popitem(last=False)
        while sent and sent[0] <= now - WINDOW_S:
            sent.popleft()
        if len(sent) >= ctx.options.rate_per_minute:
            wait_s = sent[0] + WINDOW_S - now
            raise Refused(f"more than {ctx.options.rate_per_minute} commands in a minute: wait {wait_s:.0f} s")
        sent.append(now)


addons = [RateLimit()]
