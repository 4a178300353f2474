"""Nobody has standing access: it is asked for, granted for a while and a purpose, and held to on every command.

`hoopaddon access request TARGET --for 30m --scope read --reason …` asks; `hoopaddon access approve` grants. When the
time is up, or somebody has revoked it, the session is told and cut.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mitmproxy.exceptions import OptionsError

from hoopaddon import Addon, Command, Loader, Refused, Session, ctx
from hoopaddon.store import Grant, Grants, Layout, Scope, StoreUnusable, Terms, read_rules, store_folder, was_given

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
_KEY = "jit_access"
_LAST = "jit_access last"
_USED = "jit_access used"
_KEPT_S = 7 * 24 * 3600.0
_DURATION = re.compile(r"([0-9]{1,6})(s|m|h)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600}


@dataclass(slots=True)
class Running:
    """A grant that holds, with its end by a clock that nobody sets."""

    grant: Grant
    scope: Scope
    until: float


class JitAccess(Addon):
    """A session begins with a grant for its user and target, each command is within one; with the last it ends."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._grants: Grants | None = None
        self._terms = Terms()
        self._targets: tuple[str, ...] = ()
        self._known: dict[str, Running] = {}
        self._cache: dict[tuple[str, str], tuple[Running, ...]] = {}
        self._version = -1
        self._watched = 0
        self._is_done = False

    # -- options

    def load(self, loader: Loader) -> None:
        add = loader.add_option
        add("access_targets", Sequence[str], ["*"], "Targets that nobody has standing access to, as `prod-*`.")
        add(
            "access_approvers",
            Sequence[str],
            [],
            "Groups whose members may grant access. Empty: any but who asks.",
        )
        add("access_count", int, 1, "How many different people have to say yes.")
        add("access_rules", Sequence[str], [], "Others for some targets and levels: `prod-* write dba,security 2`.")
        add("access_longest", str, "8h", "How long access may be granted for at most, as `30m` or `8h`.")
        add("access_within", str, "1h", "How long a request waits for an answer.")
        add("access_emergency", Sequence[str], [], "Groups whose members may take access at once. Empty: nobody.")
        add("access_emergency_longest", str, "1h", "How long they have it then at most.")

    def configure(self, updated: set[str]) -> None:
        options = ctx.options
        if options.access_count < 1:
            raise OptionsError("access_count: at least one person has to say yes")
        try:
            rules = read_rules(options.access_rules)
        except ValueError as e:
            raise OptionsError(f"access_rules: {e}") from None
        self._targets = tuple(_listed(options.access_targets))
        self._terms = Terms(
            rules,
            tuple(_listed(options.access_approvers)),
            options.access_count,
            longest_s=_seconds("access_longest"),
            within_s=_seconds("access_within"),
            emergency=tuple(_listed(options.access_emergency)),
            emergency_longest_s=_seconds("access_emergency_longest"),
        )
        if self._grants is None:
            try:
                self._grants = Grants(Layout(store_folder(options.store, options.confdir)).grants)
            except StoreUnusable as e:
                raise OptionsError(f"store: {e}") from None
        else:
            self._grants.publish(self._terms)

    def running(self) -> None:
        # Who asks from a terminal asks on these terms.
        self._store().publish(self._terms)

    def done(self) -> None:
        # Sessions go on when the script is saved anew, and their time has to end all the same.
        self._is_done = True
        self._close_unless_watched()

    # -- what is judged

    def session_start(self, session: Session) -> None:
        if not self._concerns(session):
            return
        scope = Scope()
        for one in self._needed(session):
            scope = scope.joined(one.scope)
        session.hold_to(scope)
        self._watch_soon(session)

    def session_end(self, session: Session) -> None:
        watching: asyncio.Task[None] | None = session.vars.pop(_KEY, None)
        if watching is not None:
            watching.cancel()

    def command(self, command: Command) -> None:
        session = command.session
        if not self._concerns(session):
            return
        running = self._needed(session)
        self._watch_soon(session)
        for one in running:
            if one.scope.permits(command):
                command.note(_described(one.grant))
                self._note_use(one.grant, session)
                return
        granted = " and ".join(f"{one.grant.id} for {one.grant.scope}" for one in running)
        raise Refused(f"it is more than your grant {granted}")

    def _concerns(self, session: Session) -> bool:
        return any(fnmatchcase(session.target.name, pattern) for pattern in self._targets)

    def _needed(self, session: Session) -> tuple[Running, ...]:
        """The grants that this session has now. Raises `Refused` without any, and where that cannot be known."""
        try:
            running = self._active(session)
        except StoreUnusable as e:
            logger.error("session %s: %s", session.id, e)
            raise Refused("it is not known now who has access here") from None
        if not running:
            reason = self._why_none(session)
            # One that has begun is over: what it has open holds on to nothing.
            session.end(reason)
            raise Refused(reason)
        return running

    # -- grants

    def _store(self) -> Grants:
        if self._grants is None:
            raise StoreUnusable("the policy is not configured")
        return self._grants

    def _active(self, session: Session) -> tuple[Running, ...]:
        store = self._store()
        if (version := store.version) != self._version:
            self._version = version
            self._cache.clear()
            # Those that are over are kept for a while: a clock that was set back must not begin them again.
            kept_from = self._monotonic() - _KEPT_S
            self._known = {id: one for id, one in self._known.items() if kept_from < one.until}
        key = (session.user.subject, session.target.name)
        found = self._cache.get(key)
        if found is None:
            found = tuple(one for grant in store.active(*key) if (one := self._running(grant)) is not None)
            self._cache[key] = found
        now, wall = self._monotonic(), time.time()
        return tuple(one for one in found if now < one.until and wall < (one.grant.ends or 0))

    def _running(self, grant: Grant) -> Running | None:
        """The grant with its end, None for one that the gateway's own terms do not know."""
        if grant.ends is None:
            return None
        try:
            scope = grant.allows
        except ValueError:
            logger.error("grant %s does not count: its scope cannot be read", grant.id)
            return None
        needed = self._terms.rule(grant.target, scope).count
        if not was_given(grant, needed) or (grant.emergency and not self._terms.emergency):
            logger.error("grant %s does not count: too few people have said yes", grant.id)
            return None
        until = self._monotonic() + grant.ends - time.time()
        known = self._known.get(grant.id)
        if known is not None and known.grant.ends is not None:
            # The clock on the wall may be set back: a grant is longer only by what it was extended.
            until = min(until, known.until + grant.ends - known.grant.ends)
        if known is None and grant.emergency:
            logger.warning(
                "EMERGENCY: %s has taken access %s to %s for %s: %s",
                *(grant.user, grant.id, grant.target, grant.scope, grant.reason),
            )
        self._known[grant.id] = running = Running(grant, scope, until)
        return running

    def _note_use(self, grant: Grant, session: Session) -> None:
        if session.vars.get(_USED) != grant.id:
            try:
                self._store().used(grant.id, session.id)
                session.vars[_USED] = session.vars[_LAST] = grant.id
            except StoreUnusable as e:
                logger.error("session %s: %s", session.id, e)
                raise Refused("the use of the grant cannot be written down") from None

    # -- its end

    def _watch_soon(self, session: Session) -> None:
        if _KEY not in session.vars:
            session.vars[_KEY] = asyncio.get_running_loop().create_task(self._watch(session))

    async def _watch(self, session: Session) -> None:
        self._watched += 1
        try:
            while True:
                try:
                    running = self._active(session)
                except StoreUnusable as e:
                    logger.error("session %s: %s", session.id, e)
                    session.end("it is not known now who has access here")
                    return
                if not running:
                    session.end(self._why_none(session))
                    return
                session.vars[_LAST] = running[0].grant.id
                left_s = max(one.until for one in running) - self._monotonic()
                await asyncio.sleep(max(0.0, min(LOOK_EVERY_S, left_s)))
        finally:
            self._watched -= 1
            self._close_unless_watched()

    def _why_none(self, session: Session) -> str:
        """What became of the grant that the session had; how to ask for one where it had none."""
        name = session.target.name
        try:
            grant = self._store().get(session.vars[_LAST]) if _LAST in session.vars else None
        except StoreUnusable:
            return "your access has ended"
        if grant is None:
            ask = f"hoopaddon access request {name} --for 30m --scope read --reason …"
            return f"you have no access to {name} now; ask for it: {ask}"
        if grant.status == "revoked":
            why = f": {grant.said}" if grant.said else ""
            return f"your grant {grant.id} was revoked by {grant.settled_by}{why}"
        return f"your grant {grant.id} has ended"

    def _close_unless_watched(self) -> None:
        if self._is_done and not self._watched and self._grants is not None:
            self._grants.close()
            self._grants = None


def _described(grant: Grant) -> str:
    if grant.emergency:
        return f"EMERGENCY grant {grant.id} of {grant.user}: {grant.reason}"
    by = ", ".join(answer.approver for answer in grant.answers if answer.approved)
    return f"grant {grant.id} of {grant.user} for {grant.scope}, approved by {by}: {grant.reason}"


def _seconds(option: str) -> float:
    found = _DURATION.fullmatch(getattr(ctx.options, option))
    if found is None or not int(found[1]):
        raise OptionsError(f"{option}: write how long, as 45s, 30m or 8h")
    return float(int(found[1]) * _UNIT_S[found[2]])


def _listed(values: Sequence[str]) -> list[str]:
    """The items of an option that may be given several times, with commas, or both."""
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


addons = [JitAccess()]
