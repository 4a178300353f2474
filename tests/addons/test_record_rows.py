"""The record policy keeps what the client saw of a result, up to its limits."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopaddon import Command, Rows
from hoopaddon.addons.record import Record
from hoopaddon.testing import Bench, rows
from tests.addons.recorded import Guard, Unread, events, journals, recorded
from tests.engine.store.journals import a_session


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(Record(), Guard(), options={"confdir": str(tmp_path)}, approve=True) as made:
        yield made


def show(bench: Bench, command: Command, *batches: list[list[str | None]]) -> None:
    bench.judge(command)
    for batch in batches:
        bench.rows(rows(command, ["id", "email"], batch))
    bench.end(command, rows=sum(map(len, batches)))
    bench.stop(command.session)


def test_rows_are_recorded_as_the_client_sees_them(bench: Bench, tmp_path: Path) -> None:
    show(bench, Unread(a_session(), "SELECT"), [["1", "ada@example.com"], ["2", None]], [["3", "none"]])
    assert recorded(tmp_path) == [(["id", "email"], [["1", "***"], ["2", None]]), (None, [["3", "none"]])]
    assert "ada@example.com" not in journals(tmp_path)[0].read_text()
    assert "recorded_rows" not in events(tmp_path, "command_end")[0]


def test_rows_are_recorded_up_to_a_number(tmp_path: Path) -> None:
    with Bench(Record(), options={"confdir": str(tmp_path), "record_rows": 3}) as bench:
        batch: list[list[str | None]] = [["1", "a"], ["2", "b"]]
        show(bench, Unread(a_session(), "SELECT"), batch, batch, batch)
    assert [row for _, cells in recorded(tmp_path) for row in cells] == [*batch, batch[0]]
    assert events(tmp_path, "command_end")[0]["recorded_rows"] == 3


def test_rows_are_recorded_up_to_a_size(tmp_path: Path) -> None:
    with Bench(Record(), options={"confdir": str(tmp_path), "record_bytes": 100}) as bench:
        batch: list[list[str | None]] = [["1", "é" * 20], ["2", "b" * 40], ["3", "c" * 40], ["4", "d"]]
        show(bench, Unread(a_session(), "SELECT"), batch, [["5", "e"]])
    assert [row[0] for _, cells in recorded(tmp_path) for row in cells] == ["1", "2"]
    assert events(tmp_path, "command_end")[0]["recorded_rows"] == 2


def test_rows_are_recorded_not_at_all_where_that_is_wanted(tmp_path: Path) -> None:
    with Bench(Record(), options={"confdir": str(tmp_path), "record_rows": 0}) as bench:
        show(bench, Unread(a_session(), "SELECT"), [["1", "a"]])
    assert recorded(tmp_path) == []
    assert events(tmp_path, "command_end")[0]["recorded_rows"] == 0


def test_rows_are_not_even_decoded_beyond_the_limit(tmp_path: Path) -> None:
    class Counted(Rows):
        """Says how often somebody looked."""

        __slots__ = ()
        looked = 0

        def texts(self, column: int) -> list[str | None]:
            Counted.looked += 1
            return super().texts(column)

    with Bench(Record(), options={"confdir": str(tmp_path), "record_rows": 2}) as bench:
        command = Unread(a_session(), "SELECT")
        bench.judge(command)
        batch = Counted(command, rows(command, ["id"], [["1"], ["2"], ["3"]]).columns, [["1"], ["2"], ["3"]])
        bench.rows(batch)
        assert (looked := Counted.looked) > 0
        bench.rows(batch)
        assert Counted.looked == looked
        bench.stop(command.session)
    assert recorded(tmp_path) == [(["id"], [["1"], ["2"]])]


def test_rows_without_columns_are_counted(bench: Bench, tmp_path: Path) -> None:
    command = Unread(a_session(), "SELECT FROM t")
    bench.judge(command)
    bench.rows(Rows(command, [], [[], []]))
    bench.end(command, rows=2)
    bench.stop(command.session)
    assert recorded(tmp_path) == [([], [[], []])]


def test_rows_of_one_small_batch_are_in_the_line_of_the_end(bench: Bench, tmp_path: Path) -> None:
    show(bench, Unread(a_session(), "SELECT"), [["1", None]])
    assert [event["type"] for event in events(tmp_path)] == ["session", "command", "command_end", "end"]
    assert recorded(tmp_path) == [(["id", "email"], [["1", None]])]


@pytest.mark.parametrize("sizes", [(1, 1, 1), (16, 17, 1), (17, 1), (100,), (0, 1, 0), (40, 40)])
def test_rows_keep_their_order_whatever_the_batches(bench: Bench, tmp_path: Path, sizes: tuple[int, ...]) -> None:
    numbers = iter(range(1000))
    batches: list[list[list[str | None]]] = [[[str(next(numbers)), None] for _ in range(n)] for n in sizes]
    show(bench, Unread(a_session(), "SELECT"), *batches)
    assert [row for _, cells in recorded(tmp_path) for row in cells] == [row for batch in batches for row in batch]
    said = [columns for columns, _ in recorded(tmp_path)]
    assert said == [["id", "email"], *[None] * (len(said) - 1)]


def test_rows_of_a_command_that_never_ended_are_recorded_with_the_session(bench: Bench, tmp_path: Path) -> None:
    command = Unread(a_session(), "SELECT")
    bench.judge(command)
    bench.rows(rows(command, ["id"], [["1"]]))
    bench.stop(command.session)
    assert recorded(tmp_path) == [(["id"], [["1"]])]


def test_several_results_of_one_command_each_say_their_columns(bench: Bench, tmp_path: Path) -> None:
    command = Unread(a_session(), "SELECT 1 AS a; SELECT 2 AS b, 3 AS c")
    bench.judge(command)
    for columns, cells in ((["a"], [["1"]]), (["a"], [["1"]]), (["b", "c"], [["2", "3"]])):
        bench.rows(rows(command, columns, cells))
    bench.end(command, rows=3)
    bench.stop(command.session)
    assert recorded(tmp_path) == [(["a"], [["1"]]), (None, [["1"]]), (["b", "c"], [["2", "3"]])]
