"""While versions are saved, every judgement is by a whole version: never by none, never by a mixture."""

import asyncio
import random
import threading
import time
from pathlib import Path

from hoopaddon import Outcome
from tests.engine.scripts.conftest import Start

VERSIONS = 25
POLICY = """
import helper
from hoopaddon import Refused

VERSION = {version}

class Judge:
    def command(self, command):
        raise Refused(f"{{VERSION}}.{{helper.VERSION}}")

assert helper.VERSION <= VERSION
addons = [Judge()]
"""
BROKEN = ["def command(:", "raise ValueError", "import nothing_of_that_name", "", "addons = [1 / 0]", "x = '"]


def save_all(folder: Path, pause_s: float) -> None:
    """Save versions and broken ones in turn, in all the ways that editors do."""
    rng = random.Random(7)
    for version in range(1, VERSIONS + 1):
        for path, good in (
            (folder / "policy.py", POLICY.format(version=version)),
            (folder / "helper.py", f"VERSION = {version}\n"),
        ):
            if rng.random() < 0.5:
                path.write_text(rng.choice(BROKEN))
                time.sleep(rng.uniform(0, pause_s))
            if rng.random() < 0.5:
                aside = path.with_suffix(".tmp")
                aside.write_text(good)
                aside.rename(path)
            else:
                with path.open("w") as file:
                    for piece in good.splitlines(keepends=True):
                        file.write(piece)
                        file.flush()
                        time.sleep(rng.uniform(0, 0.004))
            time.sleep(rng.uniform(0, pause_s))


async def test_every_judgement_is_by_a_whole_version(start: Start) -> None:
    first = {"policy.py": POLICY.format(version=0)}
    async with start(first, beside={"helper.py": "VERSION = 0\n"}) as scripts:
        saver = threading.Thread(target=save_all, args=(scripts.folder, 0.08))
        saver.start()
        last = f"{VERSIONS}.{VERSIONS}"
        reasons: dict[str, int] = {}
        deadline = time.monotonic() + 60
        reason = ""
        while reason != last and time.monotonic() < deadline:
            for _ in range(20):
                verdict = await scripts.judge()
                assert verdict.outcome is Outcome.REFUSED
                reason = verdict.reason
                reasons[reason] = reasons.get(reason, 0) + 1
            await asyncio.sleep(0)
        await asyncio.to_thread(saver.join)
        seen = [tuple(map(int, reason.split("."))) for reason in reasons]
        assert reason == last
        # Each version replaced an older one; none came back.
        assert seen == sorted(seen)
        assert all(helper <= policy for policy, helper in seen)
        assert len(seen) > 5
        assert "cannot be loaded" in scripts.log
