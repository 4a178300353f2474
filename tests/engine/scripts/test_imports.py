"""What a script imports from beside it is its own, and read again when it changes."""

import asyncio
import sys

from tests.engine.scripts.conftest import Start

USES = """
from hoopaddon import Refused
{imports}

def command(command):
    raise Refused({value})
"""


async def test_a_changed_helper_reloads_the_script(start: Start) -> None:
    script = USES.format(imports="import helper", value="helper.NAME")
    async with start({"p.py": script}, beside={"helper.py": "NAME = 'one'"}) as scripts:
        assert await scripts.reason() == "one"
        scripts.save("helper.py", "NAME = 'two'")
        await scripts.until_reason("two")


async def test_a_broken_helper_changes_nothing_and_is_named(start: Start) -> None:
    script = USES.format(imports="from helper import NAME", value="NAME")
    async with start({"p.py": script}, beside={"helper.py": "NAME = 'one'"}) as scripts:
        scripts.save("helper.py", "\nNAME = 'two")
        await scripts.until_logged("helper.py:2: SyntaxError")
        scripts.save("helper.py", "NAM = 'two'")
        line = await scripts.until_logged("p.py:3: ImportError: cannot import name 'NAME' from 'helper'")
        assert "hoopaddon_script" not in line
        assert await scripts.reason() == "one"
        scripts.save("helper.py", "NAME = 'two'")
        await scripts.until_reason("two")


async def test_a_helper_that_is_saved_after_the_script_that_needs_it(start: Start) -> None:
    async with start({"p.py": USES.format(imports="", value="'one'")}) as scripts:
        scripts.save("p.py", USES.format(imports="import later", value="later.NAME"))
        await scripts.until_logged("No module named 'later'")
        scripts.save("later.py", "NAME = 'two'")
        await scripts.until_reason("two")


async def test_a_helper_of_a_helper(start: Start) -> None:
    script = USES.format(imports="import helper", value="helper.deep.NAME")
    beside = {"helper.py": "import deep", "deep.py": "NAME = 'one'"}
    async with start({"p.py": script}, beside=beside) as scripts:
        assert await scripts.reason() == "one"
        scripts.save("deep.py", "NAME = 'two'")
        await scripts.until_reason("two")


async def test_packages_with_relative_imports(start: Start) -> None:
    script = USES.format(imports="import rules.names\nfrom rules import deep", value="rules.names.NAME + deep.NAME")
    beside = {
        "rules/__init__.py": "from .names import NAME",
        "rules/names.py": "from . import deep\nNAME = 'one'",
        "rules/deep.py": "NAME = '!'",
    }
    async with start({"p.py": script}, beside=beside) as scripts:
        assert await scripts.reason() == "one!"
        scripts.save("rules/deep.py", "NAME = '?'")
        await scripts.until_reason("one?")


async def test_a_folder_without_init(start: Start) -> None:
    script = USES.format(imports="import plain_folder.names as names", value="names.NAME")
    async with start({"p.py": script}, beside={"plain_folder/names.py": "NAME = 'one'"}) as scripts:
        assert await scripts.reason() == "one"


async def test_two_scripts_with_helpers_of_the_same_name(start: Start) -> None:
    script = USES.format(imports="import helper", value="helper.NAME")
    beside = {"a/helper.py": "NAME = 'of a'", "b/helper.py": "NAME = 'of b'"}
    async with start({"a/p.py": script, "b/q.py": script}, beside=beside) as scripts:
        assert await scripts.reason() == "of a"
        first, second = (p.addon for p in scripts.gateway.scripts.policies)
        assert (first.helper.NAME, second.helper.NAME) == ("of a", "of b")  # type: ignore[attr-defined]
        scripts.save("b/helper.py", "NAME = 'of b again'")
        await scripts.until_logged("q.py reloaded.")
        assert "p.py reloaded." not in scripts.log
        assert "helper" not in sys.modules


async def test_an_import_inside_a_function(start: Start) -> None:
    script = """
    from hoopaddon import Refused

    def command(command):
        import helper
        raise Refused(helper.NAME)
    """
    async with start({"p.py": script}, beside={"helper.py": "NAME = 'one'"}) as scripts:
        assert await scripts.reason() == "one"
        scripts.save("helper.py", "NAME = 'two'")
        await scripts.until_reason("two")


async def test_the_standard_library_and_the_gateway_are_not_shadowed(start: Start) -> None:
    script = USES.format(
        imports="import string, hoopaddon", value="string.digits + repr(hoopaddon.Refused is Refused)"
    )
    beside = {"string.py": "digits = 'x'", "hoopaddon.py": "Refused = None"}
    async with start({"p.py": script}, beside=beside) as scripts:
        assert await scripts.reason() == "0123456789True"


async def test_dataclasses_and_annotations_resolve(start: Start) -> None:
    script = """
    from __future__ import annotations
    from dataclasses import dataclass
    from typing import ClassVar, get_type_hints
    from hoopaddon import Command, Refused

    @dataclass
    class Policy:
        limit: ClassVar[int] = 3
        names: list[str] | None = None

        def command(self, command: Command) -> None:
            raise Refused(str(sorted(get_type_hints(Policy))))

    addons = [Policy()]
    """
    async with start({"p.py": script}) as scripts:
        assert await scripts.reason() == "['limit', 'names']"


async def test_nothing_is_left_of_the_versions_before(start: Start) -> None:
    script = USES.format(imports="import helper", value="helper.NAME")
    before = {name for name in sys.modules if name.startswith("hoopaddon_script_")}
    path = list(sys.path)
    async with start({"my.rules.py": script}, beside={"helper.py": "NAME = '0'"}) as scripts:
        for n in range(1, 4):
            scripts.save("helper.py", f"NAME = '{n}'")
            await scripts.until_reason(str(n))
        await asyncio.sleep(0.1)
        left = {name for name in sys.modules if name.startswith("hoopaddon_script_")} - before
        assert sorted(name.partition(".")[2] for name in left) == ["", "helper", "my_rules"]
        assert sys.path == path
        assert not list(scripts.folder.rglob("__pycache__"))
