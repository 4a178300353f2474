"""A saved script takes effect when it is right, and changes nothing when it is not."""

import asyncio
import os
from pathlib import Path

import pytest
from mitmproxy import ctx

from hoopaddon import Outcome
from hoopaddon.scripts import load
from tests.engine.scripts.conftest import Start

ONE = """
from hoopaddon import Refused

class Policy:
    def command(self, command):
        raise Refused("one")

addons = [Policy()]
"""
TWO = ONE.replace("one", "two")


async def test_a_saved_script_takes_effect(start: Start) -> None:
    async with start({"p.py": ONE}) as scripts:
        assert await scripts.reason() == "one"
        scripts.save("p.py", TWO)
        await scripts.until_reason("two")
        assert "p.py reloaded." in scripts.log


BROKEN = [
    ("def command(:", "p.py:1: SyntaxError: invalid syntax\n  def command(:"),
    ("import nothing_of_that_name", "p.py:1: ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    ("x = 1\n1 / 0", "p.py:2: ZeroDivisionError: division by zero"),
    ("def command(a, b): pass", "p.py:1: command cannot be called as the gateway calls it"),
    ("command = 7", "p.py: p.py: command is a hook's name, and what stands there cannot be called"),
    ("class P: pass\naddons = [P]", "p.py: addons lists the class P; a policy is an instance of it\n  write P()"),
    ("addons = 3", "p.py: addons has to be a list"),
    ("def load(loader): 1 / 0", "p.py:1: ZeroDivisionError"),
    ("def load(loader): loader.add_option('ratio', dict, {}, '')", "p.py:1: option ratio: "),
    ("def load(loader): loader.add_option('mode', str, '', '')", "p.py:1: there is an option mode already"),
    ("async def load(loader): pass", "p.py: p.py: load cannot be async"),
    ("def configure(updated): 1 / 0", "p.py:1: ZeroDivisionError"),
    (
        "from mitmproxy.exceptions import OptionsError\ndef configure(updated): raise OptionsError('no such entity')",
        "p.py:2: no such entity",
    ),
    ("async def running(): 1 / 0\ndef command(c): pass", "p.py:1: ZeroDivisionError"),
    ("import sys\nsys.exit(0)", "p.py:2: SystemExit: 0"),
    ("from hoopaddon import Addon\nclass P(Addon):\n  def comand(self, c): pass", "did you mean command?"),
    ("", "it has no hooks any more"),
    ("# nothing but a comment", "it has no hooks any more"),
    ("\0", "SyntaxError"),
]


@pytest.mark.parametrize(("text", "says"), BROKEN)
async def test_a_broken_version_changes_nothing_and_says_what_is_wrong(start: Start, text: str, says: str) -> None:
    async with start({"p.py": ONE}) as scripts:
        options, commands = set(ctx.options.keys()), set(ctx.master.commands.commands)
        chain = scripts.gateway.chain
        scripts.save("p.py", text)
        await scripts.until_logged("p.py cannot be loaded, its last good version stays in force.")
        assert says in scripts.log.replace(f"{scripts.folder}/", "")
        assert "Traceback" not in scripts.log
        assert scripts.gateway.chain is chain
        assert await scripts.reason() == "one"
        assert (set(ctx.options.keys()), set(ctx.master.commands.commands)) == (options, commands)
        scripts.save("p.py", TWO)
        await scripts.until_reason("two")


async def test_a_script_that_hangs_is_given_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LOAD_LIMIT_S", 0.3)
    async with start({"p.py": ONE}) as scripts:
        scripts.save("p.py", "while True: pass")
        await scripts.until_logged("took longer than 0.3 s to load")
        assert await scripts.reason() == "one"
        scripts.save("p.py", TWO)
        await scripts.until_reason("two")


async def test_a_deleted_script_stays_in_force(start: Start) -> None:
    async with start({"p.py": ONE}) as scripts:
        (scripts.folder / "p.py").unlink()
        await scripts.until_logged("p.py is gone; its last version stays in force.")
        assert await scripts.reason() == "one"
        scripts.save("p.py", TWO)
        await scripts.until_reason("two")


async def test_an_editor_that_renames(start: Start) -> None:
    async with start({"p.py": ONE}) as scripts:
        scripts.save(".p.py.swp", TWO)
        (scripts.folder / "p.py").unlink()
        await asyncio.sleep(0.01)
        (scripts.folder / ".p.py.swp").rename(scripts.folder / "p.py")
        await scripts.until_reason("two")


async def test_an_editor_that_truncates_and_writes_in_pieces(start: Start) -> None:
    async with start({"p.py": ONE}) as scripts:
        chain = scripts.gateway.chain
        with (scripts.folder / "p.py").open("w") as file:
            for piece in TWO.splitlines(keepends=True):
                await asyncio.sleep(0.08)
                assert await scripts.reason() == "one"
                assert scripts.gateway.chain is chain
                file.write(piece)
                file.flush()
        await scripts.until_reason("two")


async def test_the_same_size_at_the_same_time_is_noticed(start: Start) -> None:
    async with start({"p.py": ONE}) as scripts:
        path = scripts.folder / "p.py"
        before = path.stat()
        path.write_text(TWO)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        await scripts.until_reason("two")


async def test_touching_a_script_does_not_reload_it(start: Start) -> None:
    async with start({"p.py": ONE}) as scripts:
        chain = scripts.gateway.chain
        os.utime(scripts.folder / "p.py")
        scripts.save("p.py", ONE)
        await asyncio.sleep(0.2)
        assert scripts.gateway.chain is chain


COUNTING = """
import asyncio
import builtins
from hoopaddon import Refused

def running():
    builtins.events.append("running VERSION")

async def done():
    await asyncio.sleep(0)
    builtins.events.append("done VERSION")

def command(command):
    raise Refused("VERSION")
"""


async def test_each_version_starts_and_ends_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    monkeypatch.setattr("builtins.events", events, raising=False)
    async with start({"p.py": COUNTING.replace("VERSION", "1")}) as scripts:
        scripts.save("p.py", COUNTING.replace("VERSION", "2"))
        await scripts.until_reason("2")
        await scripts.until(lambda: "done 1" in events)
        assert events == ["running 1", "running 2", "done 1"]
    assert events == ["running 1", "running 2", "done 1", "done 2"]


async def test_a_hook_in_flight_ends_with_the_version_that_it_began_with(start: Start) -> None:
    slow = """
    import asyncio
    import helper
    from hoopaddon import Refused

    async def command(command):
        await asyncio.sleep(0.5)
        raise Refused(f"{helper.NAME} {__name__ != '__main__'}")
    """
    async with start({"p.py": slow}, beside={"helper.py": "NAME = 'one'"}) as scripts:
        judging = asyncio.create_task(scripts.judge())
        await asyncio.sleep(0.05)
        scripts.save("helper.py", "NAME = 'two'")
        await scripts.until_logged("p.py reloaded.")
        assert not judging.done()
        assert (await judging).reason == "one True"


async def test_an_unwatched_error_does_not_end_the_watch(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    from hoopaddon.scripts import loader

    async with start({"p.py": ONE}) as scripts:
        with monkeypatch.context() as patch:
            patch.setattr(loader, "look_again", lambda *_: 1 / 0)
            await scripts.until_logged("cannot be watched: ZeroDivisionError")
        scripts.save("p.py", TWO)
        await scripts.until_reason("two")


# -- the list of scripts


async def test_scripts_can_be_added_and_removed_while_running(start: Start) -> None:
    async with start({"p.py": ONE}) as scripts:
        scripts.save("q.py", TWO)
        p, q = (str(scripts.folder / name) for name in ("p.py", "q.py"))
        ctx.options.scripts = [q, p]
        assert await scripts.reason() == "two"
        ctx.options.scripts = [q]
        assert [policy.name for policy in scripts.gateway.scripts.deciding] == ["q.py"]
        ctx.options.scripts = []
        assert (await scripts.judge()).outcome is Outcome.ALLOWED


async def test_a_list_with_a_bad_script_changes_nothing(start: Start) -> None:
    from mitmproxy.exceptions import OptionsError

    async with start({"p.py": ONE}) as scripts:
        scripts.save("q.py", "def command(:")
        before = ctx.options.scripts
        with pytest.raises(OptionsError, match="SyntaxError"):
            ctx.options.scripts = [*before, str(scripts.folder / "q.py")]
        assert ctx.options.scripts == before
        assert await scripts.reason() == "one"


async def test_policies_go_by_the_name_of_their_script(start: Start) -> None:
    several = """
    class First:
        def command(self, command): pass
    class Second:
        def rows(self, rows): pass
    addons = [First(), Second()]
    """
    async with start({"one.py": ONE, "several.py": several, "sub/one.py": TWO}, shadow={"s.py": TWO}) as scripts:
        names = [
            (policy.name.replace(str(scripts.folder), "."), policy.shadow)
            for policy in scripts.gateway.scripts.deciding
        ]
        assert names == [
            ("./one.py", False),
            ("several.py:First", False),
            ("several.py:Second", False),
            ("./sub/one.py", False),
            ("s.py", True),
        ]


async def test_a_script_in_shadow_has_no_effect(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    async with start(shadow={"s.py": ONE}) as scripts:
        verdict = await scripts.judge()
        assert verdict.outcome is Outcome.ALLOWED
        scripts.save("s.py", TWO)
        await scripts.until_logged("s.py reloaded.")
        assert (await scripts.judge()).outcome is Outcome.ALLOWED


async def test_no_script_is_listed_twice(start: Start, tmp_path: Path) -> None:
    from mitmproxy.exceptions import OptionsError

    async with start({"p.py": ONE}) as scripts:
        path = str(scripts.folder / "p.py")
        with pytest.raises(OptionsError, match=r"p\.py is listed twice"):
            ctx.options.scripts = [path, path]
        with pytest.raises(OptionsError, match=r"p\.py is listed twice"):
            ctx.options.shadow = [path]
