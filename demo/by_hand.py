"""What to try after the last scene, ready to be copied."""

import shlex
import shutil
import sys
from pathlib import Path

from demo.agent import NAME
from demo.gateway import DATABASE
from demo.report import Report
from demo.scenes import APPROVER, Stage
from demo.server import HOST

NEXT_PAGE = "docs/team.md"


def instructions(stage: Stage) -> None:
    """Print the commands with which to go on, each in one piece however long it is."""
    gateway, report = stage.gateway, stage.report
    token_file = gateway.folder / f"{APPROVER}.token"
    token_file.touch(0o600)
    token_file.write_text(stage.approver_token)
    program = _shown(Path(sys.executable).with_name("hoopaddon"))
    conf = f"--confdir {shlex.quote(str(gateway.confdir))}"
    psql = shlex.join([_psql(stage), "-h", HOST, "-p", str(gateway.port), "-U", NAME, DATABASE])
    report.heading("go on by hand")
    report.note("The gateway stays up until Ctrl-C. In another terminal, be the agent:\n")
    report.line(f"PGPASSWORD={stage.agent_token} {psql}")
    report.note("\n1. See what comes back, and try to get around it:\n")
    report.line("SELECT * FROM customers;")
    report.line("WITH gone AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM gone;")
    report.note(f"\n2. Change something, and answer as {APPROVER} from a third terminal:\n")
    report.line("UPDATE orders SET amount = 0 WHERE id = 5;")
    report.line(f"{program} approvals list {conf}")
    report.line(f"{program} approvals approve ID {conf} --token-file {shlex.quote(str(token_file))}")
    if shutil.which("ssh"):
        agent = stage.ssh_agent
        variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in agent.environment.items())
        report.note("\n3. Open a shell, see what comes back, and try to get around it:\n")
        report.line(f"{variables} {shlex.join(agent.line)}")
        report.line(f"cat {stage.ssh_target.customers}")
        report.line(f"shred -u {stage.ssh_target.customers}")
    report.note("\n4. Ask the API, with and without the token:\n")
    bearer = f'-H "Authorization: Bearer {stage.agent_token}"'
    report.line(f"curl {bearer} http://{HOST}:{gateway.http_port}/customers")
    report.line(f"curl {bearer} -X DELETE http://{HOST}:{gateway.http_port}/customers")
    report.note("\n5. See what is kept of it; an ID may be the beginning of one:\n")
    report.line(f"{program} sessions list {conf}")
    report.line(f"{program} sessions search customers {conf}")
    report.line(f"{program} sessions replay ID {conf}")
    where_next(report)
    report.note("\nWhat the gateway says meanwhile:\n")


def where_next(report: Report) -> None:
    """Say what leads on from here."""
    report.note(f"\nYour team's database, behind your own login, is one page from here: {NEXT_PAGE}")


def _psql(stage: Stage) -> str:
    """The psql on PATH, or that of the embedded PostgreSQL under a short name."""
    if shutil.which("psql"):
        return "psql"
    link = stage.gateway.folder / "psql"
    link.symlink_to(stage.database.bin_dir / "psql")
    return str(link)


def _shown(path: Path) -> str:
    """The path as one types it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
