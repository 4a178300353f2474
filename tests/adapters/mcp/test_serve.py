"""`hoopaddon serve-mcp` as agents run it: SQL and command lines through the policies, held ones asked for again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from mcp import Client, StdioServerParameters

from hoopaddon import ConfigError
from hoopaddon.adapters.mcp.serve.targets import served
from tests.adapters.mcp.test_stdio import ROOT, answer_the_one, recorded, text
from tests.servers.postgres import APP, Database
from tests.servers.ssh import SshServer

POLICIES = ("record.py", "mask_pii.py", "block_destructive.py")


def serving(folder: Path, *options: str, environment: dict[str, str] | None = None) -> Client:
    arguments = ["-m", "hoopaddon", "serve-mcp", "--confdir", str(folder / "conf"), "--user", "agent-7", *options]
    environment = {"NO_COLOR": "1", **(environment or {})}
    return Client(StdioServerParameters(command=sys.executable, args=arguments, cwd=ROOT, env=environment))


def scripts(*names: str) -> list[str]:
    return [part for name in names for part in ("-s", name)]


async def call(agent: Client, name: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers; of a refusal the text."""
    result = await agent.call_tool(name, arguments)
    if result.is_error:
        return {"refused": text(result)}
    found: dict[str, Any] = result.structured_content or json.loads(text(result))
    return found


async def test_sql_through_the_policies(tmp_path: Path, database: Database) -> None:
    server = database.server
    settings = urlencode({"user": APP, "password": "env:SHOP_PASSWORD"})
    target = f"shop=postgres:{server.host}:{server.port}/{database.name}?{settings}"
    environment = {"SHOP_PASSWORD": server.passwords[APP]}
    async with serving(tmp_path, *scripts(*POLICIES), "--target", target, environment=environment) as agent:
        assert {tool.name for tool in (await agent.list_tools()).tools} == {
            "list_targets",
            "run_sql",
            "run_shell",
            "result_of",
        }
        assert await call(agent, "list_targets") == {"targets": [{"name": "shop", "tool": "run_sql"}]}
        found = await call(agent, "run_sql", target="shop", sql="SELECT 1 AS a, NULL AS b, 'ada@example.com' AS c")
        assert found == {
            "status": "done",
            "results": [{"columns": ["a", "b", "c"], "rows": [["1", None, "[email]"]], "tag": "SELECT 1"}],
        }
        many = await call(agent, "run_sql", target="shop", sql="SELECT generate_series(1, 100000)", max_rows=3)
        assert len(many["results"][0]["rows"]) == 3
        assert many["results"][0]["cut"] == "only the first 3 rows are here"
        both = await call(agent, "run_sql", target="shop", sql="CREATE TABLE t (a int); SELECT 2")
        assert [result["tag"] for result in both["results"]] == ["CREATE TABLE", "SELECT 1"]
        refused = await call(agent, "run_sql", target="shop", sql="DROP TABLE t")
        assert "DROP TABLE is refused" in refused["refused"]
        assert "syntax" in (await call(agent, "run_sql", target="shop", sql="SELEC 1"))["refused"]
        assert "shop" in (await call(agent, "run_sql", target="x", sql="SELECT 1"))["refused"]
        assert "no such call" in (await call(agent, "result_of", id="x"))["refused"]
    kept = recorded(tmp_path)
    assert "DROP TABLE t" in kept
    assert "agent-7" in kept
    assert server.passwords[APP] not in kept


async def test_what_is_held_is_asked_for_again(tmp_path: Path, database: Database) -> None:
    server = database.server
    target = f"shop=postgres:{server.host}:{server.port}/{database.name}?user={APP}&password=env:SHOP_PASSWORD"
    options = [*scripts("require_approval.py"), "--set", "approval_verbs=delete", "--target", target]
    async with serving(tmp_path, *options, environment={"SHOP_PASSWORD": server.passwords[APP]}) as agent:
        held = await call(agent, "run_sql", target="shop", sql="DELETE FROM customers WHERE id = -1")
        assert held["status"] == "waiting for approval"
        assert "a person has to approve it" in held["what_to_do"]
        again = await call(agent, "result_of", id=held["id"], wait_seconds=0)
        assert again["status"] == "waiting for approval"
        shown = await answer_the_one(tmp_path, "approve")
        assert shown["text"] == "DELETE FROM customers WHERE id = -1"
        assert shown["user"] == "agent-7"
        done = await call(agent, "result_of", id=held["id"], wait_seconds=20)
        assert done == {"status": "done", "results": [{"tag": "DELETE 0"}]}


async def test_command_lines_through_the_policies(tmp_path: Path, sshd: SshServer) -> None:
    target = f"web=ssh:{sshd.host}:{sshd.port}?{urlencode(sshd.settings)}"
    async with serving(tmp_path, *scripts(*POLICIES), "--target", target) as agent:
        found = await call(agent, "run_shell", target="web", command="echo ada@example.com; echo bad >&2; exit 3")
        assert found == {"status": "done", "stdout": "[email]\n", "stderr": "bad\n", "exit_status": 3}
        refused = await call(agent, "run_shell", target="web", command="rm -rf /")
        assert refused["exit_status"] == 126
        assert "refused" in refused["stderr"]
    assert "rm -rf /" in recorded(tmp_path)


@pytest.mark.parametrize(
    "target", ["", "x", "a=mysql:h:1/d", "a=ssh:h:22/db", "a b=ssh:h:22", "a=postgres:", "a=postgres:h:1/d/e"]
)
def test_what_is_no_target_is_an_error(target: str) -> None:
    with pytest.raises(ConfigError, match="no target"):
        served(target)


def test_mistakes_are_told_before_anything_is_served(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hoopaddon", "serve-mcp", "--confdir", str(tmp_path)]
    for arguments, said in (
        ([], "--target"),
        (["--target", "x"], "is no target"),
        (["--target", "a=ssh:h:22?nonsense=1"], "nonsense"),
    ):
        run = subprocess.run([*command, *arguments], input=b"", capture_output=True, cwd=ROOT, timeout=60)
        assert said in run.stderr.decode()
        assert (run.stdout, run.returncode != 0) == (b"", True)
