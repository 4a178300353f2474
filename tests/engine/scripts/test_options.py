"""The options and commands of scripts: announced, set, changed by a reload, taken back."""

from collections.abc import Awaitable, Callable

import pytest
from mitmproxy import ctx
from mitmproxy.exceptions import OptionsError

from tests.engine.scripts.conftest import Start

LIMIT = """
from collections.abc import Sequence
from typing import Optional
from hoopaddon import Refused, ctx

class Policy:
    def load(self, loader):
        loader.add_option("limit", {type}, {default}, "How many.")

    def configure(self, updated):
        self.seen = repr(ctx.options.limit)

    def command(self, command):
        raise Refused(self.seen)

addons = [Policy()]
"""


def limit(type_: str, default: str) -> str:
    return LIMIT.format(type=type_, default=default)


async def test_an_option_has_its_default_and_can_be_set(start: Start) -> None:
    async with start({"p.py": limit("int", "3")}) as scripts:
        assert await scripts.reason() == "3"
        ctx.options.set("limit=5")
        assert await scripts.reason() == "5"


async def test_a_value_given_before_the_script_is_loaded(start: Start) -> None:
    async with start() as scripts:
        ctx.options.set("limit=5", defer=True)
        scripts.save("p.py", limit("int", "3"))
        ctx.options.scripts = [str(scripts.folder / "p.py")]
        assert await scripts.reason() == "5"
        assert ctx.options.deferred == {}


async def test_a_float_can_be_set(start: Start) -> None:
    async with start({"p.py": limit("float", "0.5")}) as scripts:
        ctx.options.set("limit=0.25")
        assert await scripts.reason() == "0.25"
        with pytest.raises(OptionsError, match="not a number"):
            ctx.options.set("limit=much")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (("int", "3"), ("int", "4"), "4"),
        (("int", "3"), ("str", "'x'"), "'x'"),
        (("int", "3"), ("Sequence[str]", "['x']"), "['x']"),
    ],
)
async def test_a_changed_default(start: Start, before: tuple[str, str], after: tuple[str, str], reason: str) -> None:
    async with start({"p.py": limit(*before)}) as scripts:
        scripts.save("p.py", limit(*after))
        await scripts.until_reason(reason)


@pytest.mark.parametrize(
    ("before", "value", "after", "reason"),
    [
        (("int", "3"), "5", ("int", "4"), "5"),
        (("int", "3"), "5", ("str", "'x'"), "'5'"),
        (("str", "'x'"), "5", ("int", "4"), "5"),
        (("str", "'x'"), "5", ("Sequence[str]", "[]"), "['5']"),
        (("str", "'x'"), "y", ("Optional[str]", "None"), "'y'"),
    ],
)
async def test_a_value_that_was_set_survives_a_change(
    start: Start, before: tuple[str, str], value: str, after: tuple[str, str], reason: str
) -> None:
    async with start({"p.py": limit(*before)}) as scripts:
        ctx.options.set(f"limit={value}")
        scripts.save("p.py", limit(*after))
        await scripts.until_reason(reason)


async def test_a_value_that_no_longer_fits_keeps_the_version_before(start: Start) -> None:
    async with start({"p.py": limit("str", "'x'")}) as scripts:
        ctx.options.set("limit=much-and-secret")
        scripts.save("p.py", limit("int", "4"))
        await scripts.until_logged("option limit is now a int, and the value that was set does not fit")
        assert "much-and-secret" not in scripts.log
        assert await scripts.reason() == "'much-and-secret'"
        ctx.options.set("limit=other")
        assert await scripts.reason() == "'other'"


async def test_two_scripts_may_share_an_option_but_not_quarrel_about_it(start: Start) -> None:
    both = {"p.py": limit("int", "3"), "q.py": limit("int", "3")}
    async with start(both) as scripts:
        ctx.options.set("limit=5")
        assert await scripts.reason() == "5"
        scripts.save("q.py", limit("int", "4"))
        await scripts.until_logged("there is an option limit already")


async def test_a_policy_that_refuses_a_value_keeps_the_one_before(start: Start) -> None:
    text = limit("int", "3") + (
        "def configure(updated):\n    if ctx.options.limit > 9:\n        raise ValueError('at most 9')\n"
    )
    async with start({"p.py": text}) as scripts:
        with pytest.raises(OptionsError, match=r"p.py: configure raised ValueError .*: at most 9"):
            ctx.options.set("limit=10")
        assert ctx.options.limit == 3
        assert await scripts.reason() == "3"


COMMANDS = """
from mitmproxy import command

class Policy:
    @command.command("my.words")
    def words(self, n: int) -> str:
        return "{word}" * n

    def command(self, command): pass

addons = [Policy()]
"""


async def test_commands_are_those_of_the_version_in_force(start: Start) -> None:
    async with start({"p.py": COMMANDS.format(word="one")}) as scripts:
        assert ctx.master.commands.execute("my.words 2") == "oneone"
        scripts.save("p.py", COMMANDS.format(word="two").replace("-> str", "-> Exception"))
        await scripts.until_logged("cannot be loaded")
        assert ctx.master.commands.execute("my.words 2") == "oneone"
        scripts.save("p.py", COMMANDS.format(word="two"))
        await scripts.until_logged("p.py reloaded.")
        assert ctx.master.commands.execute("my.words 2") == "twotwo"


async def test_a_failed_start_takes_its_options_back(refusal: Callable[..., Awaitable[str]], start: Start) -> None:
    assert "q.py:1" in await refusal({"p.py": limit("int", "3"), "q.py": "1 / 0"})
    async with start({"p.py": limit("str", "'x'")}) as scripts:
        assert await scripts.reason() == "'x'"
