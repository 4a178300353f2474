"""A hook without documentation, or without a test, fails the build; the examples of the page are what is tested."""

import inspect
import logging
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from mitmproxy import hooks as mitmproxy_hooks

from hoopaddon import ConfigError, FileOperation, Outcome, Refused
from hoopaddon.adapter import adapters
from hoopaddon.adapters.http.message import message_of
from hoopaddon.adapters.kubernetes.typed import KubeInput
from hoopaddon.adapters.mcp.commands import McpRequest
from hoopaddon.adapters.postgres.session.replication import replication
from hoopaddon.adapters.ssh.commands import SshInput, SshShell, SshSubsystem
from hoopaddon.adapters.ssh.session.forwards import SshForward
from hoopaddon.adapters.ssh.sftp.command import SftpOperation
from hoopaddon.hooks import LIFECYCLE, specs
from hoopaddon.terminal.command import UNSURE
from hoopaddon.testing import Bench, command, held, http_request, judge, load, mask, output, session

PAGE = Path(__file__).resolve().parents[2] / "docs" / "hooks.md"
SECTION = re.compile(r"^## (?P<title>.+?)\n(?P<text>.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
PYTHON = re.compile(r"^```python\n(?P<source>.*?)^```", re.DOTALL | re.MULTILINE)


@cache
def sections() -> dict[str, str]:
    """The page's sections by title, the titles without backquotes."""
    return {found["title"].replace("`", ""): found["text"] for found in SECTION.finditer(PAGE.read_text())}


def hooks() -> list[str]:
    """Every hook that there is with all the installed adapters."""
    adapters()
    return sorted(specs())


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path) -> ModuleType:
    """The example of the section that the test is named for."""
    title = request.node.name.removeprefix("test_hook_").partition("[")[0]
    found = PYTHON.search(sections()[title if title != "lifecycle" else "load, configure, running, done"])
    assert found
    script = tmp_path / "example.py"
    script.write_text(found["source"])
    return load(script)


@pytest.mark.parametrize("hook", hooks())
def test_every_hook_has_a_section_that_says_what_it_must(hook: str) -> None:
    spec, text = specs()[hook], sections()[hook]
    assert " ".join(spec.doc.split()) in " ".join(text.split())
    assert f"**Receives** `{spec.receives}`" in text
    assert "**When** " in text
    assert "**Raising** " in text
    assert re.search(rf"def {hook}\(", text)


@pytest.mark.parametrize("hook", hooks())
def test_every_hook_has_a_test_named_for_it(hook: str) -> None:
    test = getattr(sys.modules[__name__], f"test_hook_{hook}", None)
    assert inspect.isfunction(test)
    assert "example" in inspect.signature(test).parameters


def test_the_lifecycle_hooks_have_a_section() -> None:
    section = sections()["load, configure, running, done"]
    assert all(f"`{hook}(" in section for hook in LIFECYCLE)


def test_the_page_describes_no_hook_that_is_none() -> None:
    known = set(hooks()) | {"load, configure, running, done", "mitmproxy's hooks"}
    assert set(sections()) == known


def test_the_mitmproxy_hooks_that_are_named_exist() -> None:
    named = re.findall(r"`([a-z_]+)\(flow\)`", sections()["mitmproxy's hooks"])
    assert named
    assert all(name in mitmproxy_hooks.all_hooks for name in named)


# -- a test for each hook, on the example of its section


def test_hook_session_start(example: ModuleType) -> None:
    with Bench(example) as bench:
        bench.start(session(groups=["dev"], labels={"env": "dev"}))
        bench.start(session(groups=["ops"], labels={"env": "prod"}))
        with pytest.raises(Refused, match="production is for ops"):
            bench.start(session(groups=["dev"], labels={"env": "prod"}))


def test_hook_session_end(example: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Bench(example) as bench:
        one = session("ada")
        for _ in range(3):
            bench.judge(command("SELECT 1", session=one))
        bench.stop(one)
    assert "ada sent 3 commands" in caplog.text


def test_hook_command(example: ModuleType) -> None:
    assert judge(example, command("SELECT 1")).outcome is Outcome.ALLOWED
    assert judge(example, command("TRUNCATE t")).reason == "use DELETE with a WHERE clause"
    request = held(example, command("DELETE FROM t WHERE id = 1"))
    assert request is not None
    assert request.by == {"dba"}
    assert request.within_s == 600


def test_hook_postgres_query(example: ModuleType) -> None:
    assert judge(example, command("UPDATE accounts SET a = 1 WHERE id = 7")).passes
    assert judge(example, command("UPDATE others SET a = 1")).passes
    assert not judge(example, command("WITH u AS (UPDATE accounts SET a = 1 RETURNING *) SELECT * FROM u")).passes


def test_hook_postgres_replication(example: ModuleType) -> None:
    assert judge(example, replication(session(groups=["replicas"]))).passes
    assert not judge(example, replication(session())).passes


def test_hook_ssh_exec(example: ModuleType) -> None:
    assert judge(example, command("ls /srv | wc -l", protocol="ssh")).passes
    refused = judge(example, command("sudo curl http://example.com/", protocol="ssh"))
    assert refused.reason == "curl: this host fetches nothing from outside"
    assert judge(example, command("curl http://example.com/", protocol="ssh", labels={"internet": "yes"})).passes


def test_hook_ssh_shell(example: ModuleType) -> None:
    assert judge(example, SshShell(session(groups=["ops"], protocol="ssh"), "shell")).passes
    assert not judge(example, SshShell(session(groups=["agents"], protocol="ssh"), "shell")).passes


def test_hook_ssh_subsystem(example: ModuleType) -> None:
    assert judge(example, SshSubsystem(session(groups=["network"], protocol="ssh"), "netconf")).passes
    assert not judge(example, SshSubsystem(session(groups=["dev"], protocol="ssh"), "netconf")).passes


def test_hook_ssh_input(example: ModuleType) -> None:
    who = session(target="prod-1", protocol="ssh")
    assert judge(example, SshInput(who, "ls /srv")).passes
    assert not judge(example, SshInput(who, "ls /srv", UNSURE)).passes
    assert judge(example, SshInput(session(target="test", protocol="ssh"), "ls /srv", UNSURE)).passes


def test_hook_ssh_forward(example: ModuleType) -> None:
    who = session(protocol="ssh")
    assert judge(example, SshForward(who, "local", "db", 5432)).passes
    assert judge(example, SshForward(who, "agent")).passes
    assert judge(example, SshForward(who, "local", "db", 22)).reason == "forward to the database only"


def test_hook_sftp_operation(example: ModuleType) -> None:
    def opened(path: str, *verbs: str) -> FileOperation:
        return SftpOperation(session(protocol="ssh"), verbs or ("read",), path, objects=[path])

    assert judge(example, opened("/home/user/notes")).passes
    assert judge(example, opened("/home/user/.ssh/id_ed25519", "stat")).passes
    assert judge(example, opened("/home/user/.ssh/id_ed25519")).reason == "keys are handed out by the platform team"


def test_hook_http_request(example: ModuleType) -> None:
    assert judge(example, http_request("GET /v1/customers/42")).passes
    deleted = http_request("POST /v1/customers/42", headers={"X-HTTP-Method-Override": "DELETE"})
    assert judge(example, deleted).reason == "customers are archived, not deleted"
    assert judge(example, http_request("POST /v1/refunds", json={"amount": 5})).passes
    request = held(example, http_request("POST /v1/refunds", '{"amount": 900}'))
    assert request is not None
    assert request.by == {"finance"}


def test_hook_http_message(example: ModuleType) -> None:
    def said(text: str) -> bool:
        return judge(example, message_of(session(protocol="http"), text)).passes

    assert said("hello")
    assert said('{"type": "subscribe", "payload": {"query": "subscription { users { id } }"}}')
    assert not said('{"type": "subscribe", "payload": {"query": "mutation { addUser { id } }"}}')


def test_hook_kube_request(example: ModuleType) -> None:
    assert judge(example, command("GET /api/v1/namespaces/prod/pods", protocol="kubernetes")).passes
    refused = judge(example, command("DELETE /api/v1/namespaces/prod/pods/web", protocol="kubernetes"))
    assert refused.reason == "nothing is deleted in prod without a ticket"
    dry = command("DELETE /api/v1/namespaces/prod/pods/web?dryRun=All", protocol="kubernetes")
    assert judge(example, dry).passes


def test_hook_mcp_tool_call(example: ModuleType) -> None:
    assert judge(example, command('query {"sql": "SELECT 1"}', protocol="mcp", target="files")).passes
    assert judge(example, command("read {}", protocol="mcp", target="wiki")).reason == "the wiki is for reading"
    hidden = command('query {"sql": "WITH x AS (SELECT * FROM salaries) SELECT 1"}', protocol="mcp", target="db")
    assert judge(example, hidden).reason == "salaries are not for agents"


def test_hook_mcp_request(example: ModuleType) -> None:
    who = session(protocol="mcp")
    assert judge(example, McpRequest(who, "resources/read", {"uri": "a://b"})).passes
    assert judge(example, McpRequest(who, "roots/list", {}, to_client=True)).passes
    assert not judge(example, McpRequest(who, "elicitation/create", {"message": "?"}, to_client=True)).passes


def test_hook_kube_input(example: ModuleType) -> None:
    who = session(protocol="kubernetes")
    assert judge(example, KubeInput(who, "ls /srv")).passes
    assert judge(example, KubeInput(who, "apk add curl")).reason == "nothing is installed in a pod: build an image"


def test_hook_rows(example: ModuleType) -> None:
    assert mask(example, ["name", "password"], [["ada", "s3cret"]]) == [["ada", "***"]]


def test_hook_output(example: ModuleType) -> None:
    said = output(example, "Key (email)=(ada@example.com) already exists.", "error")
    assert said == "Key (email)=(…) already exists."


def test_hook_command_end(example: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    with Bench(example) as bench:
        query = command("SELECT 1", user="ada")
        bench.end(query, duration_s=9)
        assert caplog.text == ""
        bench.end(query, duration_s=12)
    assert "ada: 12 s" in caplog.text


def test_hook_lifecycle(example: ModuleType) -> None:
    assert judge(example, command("SELECT 1"), options={"text_limit": 8}).passes
    assert not judge(example, command("SELECT 10"), options={"text_limit": 8}).passes
    with pytest.raises(ConfigError, match="above 0"):
        judge(example, command("SELECT 1"), options={"text_limit": 0})
