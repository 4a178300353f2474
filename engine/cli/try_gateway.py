"""The gateway without its servers: the same scripts, options, chain, events and reload, and no socket."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any, Self

from mitmproxy.exceptions import OptionsError

from hoopaddon.adapter import adapters
from hoopaddon.approval import ApprovalRequest, Decision
from hoopaddon.cli.run import unknown_option
from hoopaddon.command import Command, Verdict
from hoopaddon.errors import ConfigError, Refused
from hoopaddon.gateway import Gateway
from hoopaddon.options import Options
from hoopaddon.policy.chain import Chain, PolicyFailed
from hoopaddon.policy.policies import Policy
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session
from hoopaddon.testing.recording import RecordingPolicy, ScriptedApprover


@dataclass(slots=True)
class Sample:
    """Rows to show to the policies, as they are on the target."""

    columns: list[Column]
    cells: list[list[str | None]]


@dataclass(slots=True)
class Judgement:
    """All that the policies made of one command. `refusal` is why its rows do not pass, where they do not."""

    command: Command
    verdict: Verdict
    held: list[ApprovalRequest]
    errors: list[Exception]
    rows: Rows | None = None
    before: list[list[str | None]] = field(default_factory=list)
    refusal: str = ""

    @property
    def passes(self) -> bool:
        return self.verdict.passes and not self.refusal


class DryGateway(Gateway):
    """A gateway that is never asked to serve. What needs an approval gets it, so that what comes after is seen.

    `errors` and `held` collect what happens during one judgement.
    """

    def __init__(self, folder: str) -> None:
        self.errors: list[Exception] = []
        self._answers = ScriptedApprover(Decision(True))
        super().__init__(Options(confdir=folder))
        self.approver = self._answers

    def compile_chain(self, policies: Iterable[Policy]) -> Chain:
        return super().compile_chain(
            RecordingPolicy(policy.name, policy.addon, policy.shadow, self.errors) for policy in policies
        )

    @property
    def held(self) -> list[ApprovalRequest]:
        return self._answers.requests


class Trial:
    """One session in which commands are judged. A policy that keeps something keeps it in a passing folder."""

    def __init__(
        self,
        make: Callable[[], Session],
        settings: Sequence[str] = (),
        scripts: Mapping[str, Sequence[str]] | None = None,
        sample: Sample | None = None,
    ) -> None:
        self._make = make
        self._settings = settings
        self._scripts = scripts or {}
        self._sample = sample
        self._session: Session | None = None
        self._folder = TemporaryDirectory(prefix="hoopaddon-try-")

    async def __aenter__(self) -> Self:
        """Load the scripts. Raises ConfigError."""
        self.gateway = DryGateway(self._folder.name)
        options = self.gateway.options
        try:
            options.set(*self._settings, defer=True)
            options.update(**self._scripts)
            if options.deferred:
                raise unknown_option(next(iter(options.deferred)), self.gateway)
            await self.gateway.running()
        except OptionsError as e:
            await self.__aexit__()
            raise ConfigError(str(e)) from e
        except BaseException:
            await self.__aexit__()
            raise
        self.gateway.watchdog.install()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end_session()
        await self.gateway.done()
        self.gateway.watchdog.uninstall()
        self._folder.cleanup()

    async def start_session(self) -> Session:
        """The session, begun now if there is none. Raises Refused or PolicyFailed when no policy lets it begin."""
        if self._session is None:
            session = self._make()
            try:
                await self.gateway.chain.start_session(session)
            except (Refused, PolicyFailed):
                # Policies before the one that refused it have seen it start.
                await self.gateway.chain.end_session(session)
                raise
            self._session = session
        return self._session

    async def end_session(self) -> None:
        """End the session, if there is one; the next command begins another."""
        session, self._session = self._session, None
        if session is not None:
            await self.gateway.chain.end_session(session)

    async def judge(self, make: Callable[[Session], Command]) -> Judgement:
        """Judge the command, then show its rows to the policies if it passes, and end it.

        Raises Refused or PolicyFailed when the session is not to be.
        """
        chain = self.gateway.chain
        self.gateway.errors.clear()
        self.gateway.held.clear()
        command = make(await self.start_session())
        verdict = chain.judge(command)
        if isinstance(verdict, Awaitable):
            verdict = await verdict
        judgement = Judgement(command, verdict, [*self.gateway.held], [])
        if verdict.passes and self._sample:
            await self._show_rows(chain, judgement, self._sample)
        chain.end_command(command)
        judgement.errors = [*self.gateway.errors]
        return judgement

    async def _show_rows(self, chain: Chain, judgement: Judgement, sample: Sample) -> None:
        command = judgement.command
        rows = adapters()[command.protocol].rows(command, sample.columns, sample.cells)
        try:
            if pending := chain.edit_rows(rows):
                await pending
        except (Refused, PolicyFailed) as e:
            judgement.refusal = str(e)
            return
        judgement.rows, judgement.before = rows, sample.cells
        command.rows = len(rows)


def facts_of(command: Command) -> dict[str, Any]:
    """What the protocol's facts say, or why the text cannot be read."""
    try:
        facts = command.facts
    except Refused as e:
        return {"unreadable": e.reason}
    found = {name: sorted(getattr(facts, name, ())) for name in ("verbs", "tables", "functions", "objects")}
    # Where all objects are tables, saying so once is enough.
    if found["objects"] == found["tables"]:
        del found["objects"]
    return {name: names for name, names in found.items() if names}
