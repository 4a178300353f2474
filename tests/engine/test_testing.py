"""The kit that policy authors test with gives the verdicts that the gateway would."""

import asyncio
import logging
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

from hoopaddon import Column, Command, ConfigError, Decision, Loader, Outcome, Output, Refused, Rows, Session, ctx
from hoopaddon.testing import Bench, PolicyFailed, command, held, judge, load, mask, output, rows, session


class BlockDrops:
    verbs = frozenset({"drop", "truncate"})

    def command(self, command: Command) -> None:
        if found := command.verbs & self.verbs:
            raise Refused(f"{'/'.join(sorted(found))} needs a change ticket")


class Styled:
    """Masks in the style that an option says."""

    def load(self, loader: Loader) -> None:
        loader.add_option("mask_style", str, "redact", "How.", ["redact", "hash"])

    def configure(self, updated: set[str]) -> None:
        self.mask = {"redact": "***", "hash": "#1"}[ctx.options.mask_style]

    def rows(self, rows: Rows) -> None:
        for row in rows:
            row["email"] = self.mask

    def output(self, output: Output) -> None:
        output.text = output.text.replace("secret", self.mask)


class Asks:
    async def command(self, command: Command) -> None:
        await command.approve("because", by=["dba"], count=2, within_s=60)


class Breaks:
    def command(self, command: Command) -> None:
        raise ZeroDivisionError("the row was 4711")

    def rows(self, rows: Rows) -> None:
        raise KeyError("the row was 4711")


# -- judge


def test_a_drop_is_refused() -> None:
    verdict = judge(BlockDrops(), command("DROP TABLE users"))
    assert not verdict.passes
    assert verdict.reason == "drop needs a change ticket"
    assert verdict.addon == "BlockDrops"


def test_anything_else_passes() -> None:
    assert judge(BlockDrops(), command("SELECT 1")).outcome is Outcome.ALLOWED


def test_several_policies_judge_in_order_and_leave_a_trace() -> None:
    drop = command("DROP TABLE users")
    assert judge([Styled(), Asks(), BlockDrops()], drop, approve=True).outcome is Outcome.REFUSED
    assert [(line.addon, line.outcome) for line in drop.trace] == [("Asks", "approved"), ("BlockDrops", "refused")]


def test_what_is_not_sql_is_refused_as_postgresql_does() -> None:
    verdict = judge(BlockDrops(), command("SELEC 1"))
    assert verdict.outcome is Outcome.REFUSED
    assert verdict.code == "42601"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (True, Outcome.APPROVED),
        (False, Outcome.DENIED),
        ("timeout", Outcome.DENIED),
        (Decision(True, ("ada", "bob")), Outcome.APPROVED),
        (Decision(False, ("ada",), "not today"), Outcome.DENIED),
    ],
)
def test_approvals_are_answered_as_the_test_says(answer: Any, outcome: Outcome) -> None:
    assert judge(Asks(), command("SELECT 1"), approve=answer).outcome is outcome


def test_nobody_approves_unless_the_test_says_so() -> None:
    assert judge(Asks(), command("SELECT 1")).outcome is Outcome.DENIED


def test_the_terms_of_a_hold_can_be_asserted() -> None:
    request = held(Asks(), command("SELECT 1"))
    assert request is not None
    assert request.by == {"dba"}
    assert (request.reason, request.count, request.within_s) == ("because", 2, 60)
    assert held(BlockDrops(), command("SELECT 1")) is None


def test_one_command_can_be_judged_again_with_another_answer() -> None:
    query = command("SELECT 1")
    assert judge(Asks(), query, approve=True).passes
    assert not judge(Asks(), query, approve=False).passes
    assert len(query.trace) == 1


def test_shadow_shows_what_would_have_been_and_lets_it_pass() -> None:
    drop = command("DROP TABLE users")
    assert judge(BlockDrops(), drop, shadow=True).passes
    assert [line.outcome for line in drop.trace] == ["would have refused"]


def test_a_policy_that_breaks_is_a_failed_verdict_and_its_traceback_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert judge(Breaks(), command("SELECT 1")).outcome is Outcome.FAILED
    assert "ZeroDivisionError" in caplog.text
    assert "test_testing.py" in caplog.text


def test_a_policy_that_never_returns_fails_in_time() -> None:
    class Hangs:
        def command(self, command: Command) -> None:
            while True:
                pass

    class Sleeps:
        async def command(self, command: Command) -> None:
            await asyncio.sleep(60)

    began = time.monotonic()
    for policy in (Hangs(), Sleeps()):
        with Bench(policy, timeout_s=0.05) as bench:
            assert bench.judge(command("SELECT 1")).outcome is Outcome.FAILED
    assert time.monotonic() - began < 5


async def test_a_test_with_a_loop_of_its_own_can_judge_as_well() -> None:
    assert not judge(Asks(), command("SELECT 1")).passes
    assert judge(Asks(), command("SELECT 1"), approve=True).passes


def test_a_plain_hook_can_start_a_task_as_it_can_in_the_gateway() -> None:
    done: list[str] = []

    class Notifies:
        def command(self, command: Command) -> None:
            async def notify() -> None:
                done.append(command.text)

            self.task = asyncio.get_running_loop().create_task(notify())

        async def rows(self, rows: Rows) -> None:
            await self.task

    with Bench(Notifies()) as bench:
        query = command("SELECT 1")
        assert bench.judge(query).passes
        bench.rows(rows(query, ["a"], [[1]]))
    assert done == ["SELECT 1"]


# -- masks


def test_rows_and_output_are_shown_as_the_client_would_see_them() -> None:
    assert mask(Styled(), ["name", "email"], [["Ada", "ada@example.com"]]) == [["Ada", "***"]]
    assert output(Styled(), "DETAIL: secret", "error") == "DETAIL: ***"


def test_options_are_given_by_name() -> None:
    options = {"mask_style": "hash"}
    assert mask(Styled(), ["email"], [["ada@example.com"]], options=options) == [["#1"]]
    assert output(Styled(), "secret", options=options) == "#1"


def test_rows_know_the_command_they_belong_to() -> None:
    class ForHr:
        def rows(self, rows: Rows) -> None:
            if "hr" not in rows.command.session.user.groups:
                rows.replace(0, 0, None)

    assert mask(ForHr(), ["pay:int4"], [[7]], of=command("SELECT pay FROM t", groups=["hr"])) == [["7"]]
    assert mask(ForHr(), ["pay:int4"], [[7]]) == [[None]]


def test_a_policy_that_breaks_on_rows_says_why() -> None:
    with pytest.raises(PolicyFailed) as caught:
        mask(Breaks(), ["a"], [[1]])
    assert isinstance(caught.value.__cause__, KeyError)


def test_rows_have_as_many_cells_as_columns() -> None:
    with pytest.raises(ValueError, match="row 1 has 1 cells"):
        mask(Styled(), ["name", "email"], [["Ada", "a"], ["Bob"]])


# -- events


def test_a_session_has_defaults_and_takes_what_matters() -> None:
    plain = session()
    assert (plain.user.subject, plain.target.protocol, plain.parameters["database"]) == ("alice", "postgres", "test")
    special = session("agent-7", ["dev"], target="orders", labels={"env": "prod"}, parameters={"database": "shop"})
    assert special.user.groups == {"dev"}
    assert special.target.labels["env"] == "prod"
    assert special.parameters["database"] == "shop"


def test_a_single_group_may_be_written_without_a_list() -> None:
    assert command("SELECT 1", groups="dba").session.user.groups == {"dba"}


def test_commands_of_one_session_are_numbered() -> None:
    one = session()
    assert [command("SELECT 1", session=one).number for _ in range(3)] == [1, 2, 3]
    with pytest.raises(TypeError, match="belongs to the session"):
        command("SELECT 1", session=one, user="bob")


def test_a_command_has_its_parameters_and_the_facts_of_its_protocol() -> None:
    query = command("SELECT * FROM public.orders WHERE id = $1", [7])
    assert query.parameters == [7]
    assert query.objects == {"public.orders"}
    assert query.hook == "postgres_query"


def test_a_protocol_without_an_adapter_is_an_error_that_names_the_installed_ones() -> None:
    with pytest.raises(ConfigError, match=r"installed: .*postgres"):
        command("GET x", protocol="gopher")


def test_columns_may_be_typed_and_sourced() -> None:
    batch = rows(command("SELECT 1"), ["id:int4", Column("mail", "text", "public.users", "email")], [[1, None]])
    assert [c.type for c in batch.columns] == ["int4", "text"]
    assert batch.cells == [["1", None]]


# -- options and loading


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mask_styl": "hash"}, "did you mean mask_style"),
        ({"zzz": 1}, "no policy announces it"),
        ({"mask_style": 1}, "Expected"),
    ],
)
def test_a_wrong_option_is_an_error(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        judge(Styled(), command("SELECT 1"), options=options)


def test_a_class_is_not_a_policy() -> None:
    with pytest.raises(ConfigError, match=r"write BlockDrops\(\)"):
        judge(BlockDrops, command("SELECT 1"))


def test_a_hook_that_cannot_be_called_is_an_error() -> None:
    class Wrong:
        def command(self) -> None:
            """Takes no command."""

    with pytest.raises(ConfigError, match="cannot be called as the gateway calls it"):
        judge(Wrong(), command("SELECT 1"))


def test_lifecycle_hooks_are_called_once_and_in_order() -> None:
    called: list[str] = []

    class Recorder:
        def load(self, loader: Loader) -> None:
            called.append("load")

        def configure(self, updated: set[str]) -> None:
            called.append("configure")

        async def running(self) -> None:
            called.append("running")

        def done(self) -> None:
            called.append("done")

    class Lists:
        addons = (Recorder(),)

    with Bench(Lists()):
        assert called == ["load", "configure", "running"]
    assert called == ["load", "configure", "running", "done"]


def test_sessions_and_ends_are_told() -> None:
    told: list[tuple[str, object]] = []

    class Told:
        async def session_start(self, session: Session) -> None:
            if session.user.subject == "mallory":
                raise Refused("not you")
            told.append(("start", session.id))

        def command_end(self, command: Command) -> None:
            told.append(("command", (command.rows, command.duration_s, command.error)))

        def session_end(self, session: Session) -> None:
            told.append(("end", session.id))

    with Bench(Told()) as bench:
        one = session()
        bench.start(one)
        bench.end(command("SELECT 1", session=one), rows=3, duration_s=1.5, error="57014")
        bench.stop(one)
        with pytest.raises(Refused, match="not you"):
            bench.start(session("mallory"))
    assert told == [("start", one.id), ("command", (3, 1.5, "57014")), ("end", one.id)]


def test_ctx_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = object()
    monkeypatch.setattr(ctx, "options", before, raising=False)
    judge(Styled(), command("SELECT 1"))
    assert ctx.options is before


def test_a_closed_bench_can_be_closed_again_and_leaves_no_folder() -> None:
    seen: list[Path] = []

    class Keeps:
        def configure(self, updated: set[str]) -> None:
            seen.append(Path(ctx.options.confdir))
            (seen[0] / "kept").write_text("x")

    bench = Bench(Keeps())
    assert (seen[0] / "kept").exists()
    bench.close()
    bench.close()
    assert not seen[0].exists()


# -- scripts


def test_a_script_is_loaded_by_path(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text("FORBIDDEN = 'orders'\n")
    script = tmp_path / "rule.py"
    script.write_text(
        "from hoopaddon import Refused\nimport words\n\n"
        "def command(command):\n    if words.FORBIDDEN in command.objects:\n        raise Refused('no')\n"
    )
    verdict = judge(load(script), command("SELECT * FROM orders"))
    assert (verdict.outcome, verdict.addon) == (Outcome.REFUSED, "rule.py")
    assert judge(load(str(script)), command("SELECT * FROM users")).passes


def test_a_script_is_loaded_anew_each_time(tmp_path: Path) -> None:
    script = tmp_path / "rule.py"
    script.write_text("LIMIT = 1\n")
    first = load(script)
    script.write_text("LIMIT = 2\n")
    assert (first.LIMIT, load(script).LIMIT) == (1, 2)


def test_a_suite_that_turns_warnings_into_errors_can_import_the_kit() -> None:
    code = "import hoopaddon.testing; print(len(hoopaddon.testing.__all__))"
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_thousand_verdicts_take_no_more_than_a_moment(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with Bench(BlockDrops()) as bench, warnings.catch_warnings():
        verdicts = [bench.judge(command(f"SELECT {n}")) for n in range(1000)]
    assert all(verdict.passes for verdict in verdicts)
