"""Let only some groups in, target by target.

    hoopaddon -s session_groups.py --set session_groups=orders:dev,ops --set session_groups=payroll:hr

A target that is not listed lets nobody in.
"""

from collections.abc import Sequence

from hoopaddon import ConfigError, Loader, Refused, Session, ctx


class SessionGroups:
    def load(self, loader: Loader) -> None:
        loader.add_option("session_groups", Sequence[str], [], "Who may use a target: TARGET:GROUP,GROUP.")

    def configure(self, updated: set[str]) -> None:
        self.allowed: dict[str, frozenset[str]] = {}
        for entry in ctx.options.session_groups:
            target, colon, groups = entry.partition(":")
            if not colon or not target or not groups:
                raise ConfigError(f"{entry!r}", key="session_groups", hint="write TARGET:GROUP,GROUP")
            self.allowed[target] = frozenset(groups.split(","))

    def session_start(self, session: Session) -> None:
        allowed = self.allowed.get(session.target.name, frozenset())
        if not session.user.groups & allowed:
            raise Refused(f"your groups have no access to {session.target.name}")


addons = [SessionGroups()]
