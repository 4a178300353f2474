"""`python -m demo`: a database, the gateway in front of it, and an agent that tries things."""

import argparse
import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import demo
from demo import audit, http_scene, mcp_scene, scenes, ssh_scene
from demo.agent import GROUP, NAME, Agent
from demo.by_hand import instructions, where_next
from demo.gateway import APP, APPROVERS, DATABASE, POLICIES, Gateway
from demo.http_target import HttpTarget
from demo.postgres import EmbeddedPostgres
from demo.report import Report
from demo.scenes import APPROVER, WITHIN_S, Stage
from demo.ssh_agent import SshAgent
from demo.ssh_target import SshTarget

SCENES: tuple[Callable[[Stage], None], ...] = (
    scenes.allowed,
    scenes.masked,
    scenes.blocked,
    scenes.approved,
    scenes.denied,
    scenes.truthful,
    ssh_scene.ssh,
    http_scene.http,
    mcp_scene.mcp,
    audit.recorded,
)
_BY_HAND_WITHIN = "10m"
_POLL_S = 0.2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration; 0 when every outcome was observed, 1 when one is missing."""
    args = _parser().parse_args(argv)
    # What a shell starts in the background ignores Ctrl-C, and so would what it starts in turn.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    report = Report()
    policies = [str(Path(name).resolve()) if Path(name).is_file() else name for name in args.scripts or POLICIES]
    try:
        with _stage(report, policies) as stage:
            _play(stage)
            if args.once:
                where_next(report)
            else:
                _stay(stage)
    except KeyboardInterrupt:
        report.note("\nEverything is stopped and removed.")
        return 1 if report.missing() else 0
    except RuntimeError as e:
        print(f"demo: {e}", file=sys.stderr)
        return 1
    return 1 if report.missing() else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=demo.__doc__)
    parser.add_argument("--once", action="store_true", help="end after the last scene")
    parser.add_argument(
        "-s",
        dest="scripts",
        action="append",
        metavar="SCRIPT",
        help=f"with these policies instead of {', '.join(POLICIES)}; the outcomes have to be the same",
    )
    return parser


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _stage(report: Report, policies: Sequence[str]) -> Iterator[Stage]:
    """Everybody who takes part, until the end of the block; nothing of them remains."""
    with EmbeddedPostgres() as database, SshTarget() as ssh_target, HttpTarget() as http_target:
        database.create_role(APP)
        database.execute(f"CREATE DATABASE {DATABASE} OWNER {APP}")
        database.execute((Path(demo.__file__).parent / "customers.sql").read_text(), DATABASE, APP)
        gateway = Gateway(database, ssh_target, http_target, policies)
        try:
            gateway.start(f"{WITHIN_S}s")
            token = gateway.token(NAME, GROUP)
            approver_token = gateway.token(APPROVER, APPROVERS)
            agents = Agent(gateway, token), SshAgent(gateway, token)
            yield Stage(
                database, gateway, agents[0], token, approver_token, report, ssh_target, agents[1], http_target
            )
        finally:
            gateway.stop()
            shutil.rmtree(gateway.folder, ignore_errors=True)


def _play(stage: Stage) -> None:
    report, gateway = stage.report, stage.gateway
    report.heading("hoopaddon: a gateway between an agent, a database, a machine and an API")
    report.note(
        "PostgreSQL 18 has tables with made-up customers. An agent may use it, and a shell and an API, through the "
        "gateway alone: password and keys are the gateway's, and the agent has a token.\n"
    )
    report.program("operator", *gateway.command(f"{WITHIN_S}s"))
    report.gap()
    report.command("operator", "token", "--user", NAME, "--groups", GROUP)
    for scene in SCENES:
        report.scene(scene.__name__)
        try:
            scene(stage)
        except Exception as e:  # what broke is one outcome's affair, and the others are shown all the same
            report.check(
                scene.__name__, f"the scene comes to its end ({type(e).__name__}: {str(e).partition('\n')[0]})", False
            )
    report.summary()


def _stay(stage: Stage) -> None:
    """Let the user go on, with more time to answer, until Ctrl-C. Shows what the gateway logs."""
    gateway = stage.gateway
    gateway.stop()
    gateway.start(_BY_HAND_WITHIN)
    instructions(stage)
    already = len(gateway.log())
    while gateway.running:
        time.sleep(_POLL_S)
        log = gateway.log()
        whole = log.rfind("\n") + 1
        if whole > already:
            stage.report.log(log[already:whole])
            already = whole
    raise RuntimeError(f"the gateway ended by itself:\n{gateway.log()[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
