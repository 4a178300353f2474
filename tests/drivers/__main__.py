"""`make test-drivers`: run each suite directly and through the gateway, and show where the two differ.

`ARGS="pg8000"` runs the suites whose names contain the word, `--direct` only the half without the gateway.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.drivers.suites import BUILD, LIBRARIES, SUITES, Suite, Way, fetch
from tests.servers.gateway import Gateway
from tests.servers.postgres import PostgresServer

DIRECT, THROUGH = "direct", "gateway"
_WITHIN_S = 900
_TEST_WITHIN_S = 60
_ABSENT = "did not run"
_WORST = ("passed", "skipped", "failed")

type Outcomes = dict[str, str]


def run(suite: Suite, way_name: str, tests: Sequence[str], log: str = "") -> Outcomes:
    """How each test ended, on a server of the run's own; what pytest says goes to build/drivers/."""
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer(settings={"log_statement": "none"}, hba=suite.hba))
        suite.prepare(server)
        way = Way(DIRECT, server.host, server.port)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoopaddon-drivers-")))
        if way_name == THROUGH:
            gateway = stack.enter_context(Gateway(server, folder / "gateway"))
            way = Way(THROUGH, gateway.host, gateway.port)
        log_path = BUILD / f"{suite.name}-{way_name}{log}.log"
        return _pytest(suite, server, way, tests, folder / "outcomes.json", log_path)


def _pytest(
    suite: Suite, server: PostgresServer, way: Way, tests: Sequence[str], outcomes: Path, log_path: Path
) -> Outcomes:
    plugins = ["-p", "outcomes", "-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:cacheprovider"]
    left_out = [argument for test in suite.left_out for argument in ("--deselect", test)]
    # A suite without settings of its own would take this project's, found in a folder above.
    settings = ["-c", str(suite.folder / "pyproject.toml"), "--rootdir", str(suite.folder), "--maxfail=100000"]
    settings += [f"--timeout={_TEST_WITHIN_S}"]
    command = [sys.executable, "-m", "pytest", "-q", *settings, *plugins, *left_out]
    environment = {
        **os.environ,
        **suite.environment(server, way),
        "PYTHONPATH": os.pathsep.join([str(LIBRARIES), str(Path(__file__).parent)]),
        "HOOPADDON_OUTCOMES": str(outcomes),
    }
    environment.pop("HOOPADDON_NO_SKIP", None)
    with (
        log_path.open("wb") as log,
        contextlib.suppress(subprocess.TimeoutExpired),
    ):
        subprocess.run(
            [*command, *suite.arguments(server, way), *tests],
            cwd=suite.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=_WITHIN_S,
        )
    return _read(outcomes)


def _read(outcomes: Path) -> Outcomes:
    """A test ended as the worst of its phases."""
    found: Outcomes = {}
    for line in outcomes.read_text().splitlines() if outcomes.exists() else ():
        test, outcome = json.loads(line)
        found[test] = max(found.get(test, "passed"), outcome, key=_WORST.index)
    return found


def differences(direct: Outcomes, through: Outcomes) -> dict[str, tuple[str, str]]:
    """The tests that end differently, with both endings."""
    pairs = {test: (direct.get(test, _ABSENT), through.get(test, _ABSENT)) for test in direct | through}
    return {test: pair for test, pair in pairs.items() if pair[0] != pair[1]}


@dataclass(frozen=True, slots=True)
class Result:
    """Both halves of a suite, and what differs even when tried again."""

    suite: Suite
    direct: Outcomes
    through: Outcomes
    different: dict[str, tuple[str, str]]

    @property
    def unexpected(self) -> list[str]:
        return [test for test in self.different if test not in self.suite.expected]

    @property
    def good(self) -> bool:
        """Whether the suite ran as it should and nothing differs that nobody explained."""
        return not self.unexpected and Counter(self.direct.values())["passed"] >= self.suite.least_passed


def judge(suite: Suite, direct: Outcomes, through: Outcomes) -> Result:
    """Compare the halves; files in which something differs are run again, for a slow machine fails tests too."""
    different = differences(direct, through)
    if different and through:
        files = sorted({test.partition("::")[0] for test in different})
        again = differences(run(suite, DIRECT, files, "-again"), run(suite, THROUGH, files, "-again"))
        different = {test: pair for test, pair in different.items() if test in again}
    return Result(suite, direct, through, different)


def show(results: Sequence[Result], console: Console) -> None:
    """The table, and each difference below it."""
    table = Table(title="Drivers' own suites: how their tests end, directly and through the gateway")
    for column in ("suite", "version of", DIRECT, THROUGH, "different", "of these explained"):
        table.add_column(column)
    for result in results:
        explained = len(result.different) - len(result.unexpected)
        numbers = [_counts(result.direct), _counts(result.through), str(len(result.different)), str(explained)]
        table.add_row(result.suite.name, result.suite.folder.name, *numbers)
    console.print(table)
    for result in results:
        for test, (direct, through) in result.different.items():
            why = result.suite.expected.get(test, "")
            console.print(f"{result.suite.name}: {test}: {direct} directly, {through} through. {why}", markup=False)
        if Counter(result.direct.values())["passed"] < result.suite.least_passed:
            log = f"build/drivers/{result.suite.name}-{DIRECT}.log"
            console.print(f"{result.suite.name}: fewer tests passed directly than should; see {log}", markup=False)


def _counts(outcomes: Outcomes) -> str:
    counts = Counter(outcomes.values())
    return ", ".join(f"{counts[name]} {name}" for name in ("passed", "failed", "skipped") if counts[name]) or _ABSENT


def main() -> int:
    """1 if a test ends differently and nobody knows why, or a suite did not really run."""
    parser = argparse.ArgumentParser(prog="make test-drivers ARGS=", description=__doc__)
    parser.add_argument("suite", nargs="?", default="", help="only suites whose name contains this")
    parser.add_argument("--direct", action="store_true", help="leave out the half through the gateway")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at the same time")
    args = parser.parse_args()
    suites = [suite for suite in SUITES if args.suite in suite.name]
    if not suites:
        parser.error(f"no suite is called {args.suite}; there are {', '.join(suite.name for suite in SUITES)}")
    fetch(suites)
    ways = (DIRECT,) if args.direct else (DIRECT, THROUGH)
    with ThreadPoolExecutor(args.jobs) as pool:
        running = {(s.name, way): pool.submit(run, s, way, s.tests) for s in suites for way in ways}
        outcomes = {key: future.result() for key, future in running.items()}
    if args.direct:
        results = [Result(s, outcomes[s.name, DIRECT], {}, {}) for s in suites]
    else:
        results = [judge(s, outcomes[s.name, DIRECT], outcomes[s.name, THROUGH]) for s in suites]
    show(results, Console(width=max(Console().width, 140)))
    return 0 if all(result.good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
