"""One run, one table: what the gateway costs beside a direct connection, a bare relay and PgBouncer.

Contenders take turns in every round and each number is the median of the rounds, because a shared machine is
never equally fast for a minute. Ratios are what to read.
"""

import argparse
import json
import resource
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import http, mcp, ssh
from benchmarks.contenders import DIRECT, GATEWAYS, POLICIES, RELAY, Contender, start_all, start_gateway
from benchmarks.workloads import CopyOut, Memory, PointSelects, Select, memory, prepare
from hoopaddon.compiled import is_compiled

type Workload = PointSelects | Select | CopyOut
type Numbers = dict[str, dict[str, float]]

_MIB, _KIB = 1024 * 1024, 1024


def workloads(bin_dir: Path, rows: int, seconds: int) -> list[Workload]:
    """Everything that is timed, in the order of the table."""
    points = [PointSelects(bin_dir, mode, n, seconds) for mode in ("simple", "prepared") for n in (1, 8, 64)]
    bulk: list[Workload] = []
    for table, what in (("quiet", "nothing to mask"), ("people", "each masked")):
        bulk.append(Select(f"SELECT {rows:,} rows, {what}", table, rows))
        bulk.append(CopyOut(f"COPY {rows:,} rows, {what}", table, rows, bin_dir))
    return [*points, *bulk]


def measure(
    work: list[Workload], contenders: list[Contender], rounds: int, console: Console
) -> tuple[Numbers, Numbers]:
    """The median rate of each workload by contender, and the median latency where there is one."""
    rates: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    latencies: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        for number in range(rounds):
            for one in work:
                # Nobody always goes first: the one after a pause finds the machine cooler.
                turn = number % len(contenders)
                for contender in contenders[turn:] + contenders[:turn]:
                    progress.update(task, description=f"round {number + 1}/{rounds}: {one.name}, {contender.name}")
                    rate, latency = one.run(contender)
                    rates[one.name][contender.name].append(rate)
                    if latency is not None:
                        latencies[one.name][contender.name].append(latency)
    return _medians(rates), _medians(latencies)


def _medians(samples: dict[str, dict[str, list[float]]]) -> Numbers:
    return {work: {who: statistics.median(s) for who, s in of.items()} for work, of in samples.items()}


def rates_table(rates: Numbers, names: list[str]) -> Table:
    """Each contender's rate as a ratio of the direct connection's, and the last two aims beside them."""
    table = Table(title="Throughput as a ratio of the direct connection's")
    table.add_column("workload")
    table.add_column("direct, per second", justify="right")
    for name in names[1:]:
        table.add_column(name, justify="right")
    if POLICIES in names:
        table.add_column("4 policies ÷ bare relay", justify="right")
    for work, of in rates.items():
        cells = [f"{of[name] / of[DIRECT]:.2f}" for name in names[1:]]
        if POLICIES in names:
            cells.append(f"{of[POLICIES] / of[RELAY]:.2f}")
        table.add_row(work, f"{of[DIRECT]:,.0f}", *cells)
    return table


def latency_table(latencies: Numbers, names: list[str]) -> Table:
    """The median latency with one client, and what each contender adds to it."""
    table = Table(title="Median latency with one client, µs added")
    table.add_column("workload")
    table.add_column("direct, µs", justify="right")
    for name in names[1:]:
        table.add_column(name, justify="right")
    for work, of in latencies.items():
        table.add_row(work, f"{of[DIRECT]:.0f}", *(f"+{of[name] - of[DIRECT]:.0f}" for name in names[1:]))
    return table


def memory_table(found: dict[str, Memory], result_bytes: int, sessions: int) -> Table:
    """What the gateway holds."""
    table = Table(title="Resident memory of the gateway")
    table.add_column("")
    table.add_column(f"grown by a result of {result_bytes / 1e9:g} GB, MiB", justify="right")
    table.add_column(f"for each of {sessions:,} idle sessions, KiB", justify="right")
    for name, one in found.items():
        table.add_row(name, f"{one.grown_bytes / _MIB:.1f}", f"{one.per_session_bytes / _KIB:.1f}")
    return table


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: is it about right?")
    parser.add_argument("--rounds", type=int, help="rounds of which the median counts (5; quick: 1)")
    parser.add_argument("--seconds", type=int, help="of each pgbench run (3; quick: 1)")
    parser.add_argument("--only", default="", help="only workloads whose name contains this")
    parser.add_argument("--no-memory", action="store_true", help="leave out the memory of the gateway")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there as well")
    return parser.parse_args()


def measure_ssh(only: str, rounds: int, console: Console, *, quick: bool) -> Numbers:
    """Measure and print what was asked for of SSH."""
    work = [name for name in ssh.WORK if only in name]
    if not work:
        return {}
    found = ssh.numbers(ssh.measure(work, rounds=rounds, quick=quick))
    console.print(ssh.table_of(found))
    return found


def measure_http(only: str, rounds: int, console: Console, *, quick: bool) -> Numbers:
    """Measure and print what was asked for of HTTP."""
    work = [name for name in http.WORK if only in name]
    if not work:
        return {}
    found = http.numbers(http.measure(work, rounds=rounds, quick=quick))
    console.print(http.table_of(found))
    return found


def measure_mcp(only: str, rounds: int, console: Console, *, quick: bool) -> Numbers:
    """Measure and print what was asked for of MCP."""
    if only not in mcp.CALLS:
        return {}
    found = mcp.measure(rounds=rounds, quick=quick)
    console.print(mcp.table_of(found))
    return found


def write_json(path: Path | None, found: dict[str, object]) -> None:
    """Write the numbers to a file, where one was named."""
    if path is not None:
        path.write_text(json.dumps(found, indent=2))


def main() -> int:
    """Measure and print; 1 if a contender that belongs to this project could not be measured."""
    args = arguments()
    quick = args.quick
    rows, result_bytes, sessions = (50_000, 200_000_000, 100) if quick else (500_000, 2_000_000_000, 1_000)
    # A thousand sessions are two thousand sockets for the one in the middle, which inherits this limit.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    console = Console(width=max(Console().width, 140))
    rounds = args.rounds or (1 if quick else 5)
    over_ssh = measure_ssh(args.only, rounds, console, quick=quick)
    over_http = measure_http(args.only, rounds, console, quick=quick)
    over_mcp = measure_mcp(args.only, rounds, console, quick=quick)
    others = {"ssh": over_ssh, "http": over_http, "mcp": over_mcp}
    if any(others.values()) and not any(args.only in one.name for one in workloads(Path(), rows, 1)):
        write_json(args.json, dict(others))
        return 0
    with start_all() as (server, contenders, absent):
        prepare(server, rows, scale=1 if quick else 10)
        work = workloads(server.bin_dir, rows, args.seconds or (1 if quick else 3))
        work = [one for one in work if args.only in one.name]
        rates, latencies = measure(work, contenders, rounds, console)
        held = {}
        for name in [c.name for c in contenders if c.name in GATEWAYS and not args.no_memory]:
            with start_gateway(name, server) as fresh:
                held[name] = memory(fresh, result_bytes, sessions)
    names = [contender.name for contender in contenders]
    console.print(rates_table(rates, names))
    if latencies:
        console.print(latency_table(latencies, names))
    if held:
        console.print(memory_table(held, result_bytes, sessions))
    if not is_compiled():
        absent.append("the gateway is not compiled (HOOPADDON_COMPILE=1 make setup)")
    for line in absent:
        console.print(line, markup=False)
    grown = {name: [one.grown_bytes, one.per_session_bytes] for name, one in held.items()}
    write_json(args.json, {"rates": rates, "latencies_us": latencies, "memory": grown, **others})
    return 0 if set(GATEWAYS) <= set(names) else 1


if __name__ == "__main__":
    sys.exit(main())
