"""The prefilter never misses what `find` finds, with hyperscan and without it."""

import re
import threading
from collections.abc import Iterator
from itertools import accumulate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hoopaddon.detect import ENTITIES, Finder, Prefilter, find
from hoopaddon.detect.catalog import DETECTORS
from hoopaddon.detect.outline import outline, outline_literals
from hoopaddon.detect.prefilter import HyperscanScanner, RegexScanner, _loose_scanners
from tests.engine.detect.samples import POSITIVE

PREFILTER = Prefilter()
SAMPLES = [text for texts in POSITIVE.values() for text in texts] + ["postgres://ann:s3cret@db.example.com/x"]
ALPHABET = "0123456789" * 3 + " .-/()+@:%\\\"'{},_=#\u00a0\u2009\u2011\u202fABCDEXYZabcdefnrtxyzé表"

fragments = st.one_of(
    st.sampled_from(SAMPLES),
    st.text(ALPHABET, max_size=24),
    st.from_regex(r"[0-9 .\-]{8,24}", fullmatch=True),
)
texts = st.lists(fragments, min_size=1, max_size=4).map("".join)
changed = st.tuples(st.sampled_from(SAMPLES), st.integers(0, 60), st.sampled_from(list(ALPHABET))).map(
    lambda t: t[0][: t[1]] + t[2] + t[0][t[1] :]
)
junk = st.one_of(st.binary(max_size=12), st.text(ALPHABET, max_size=8).map(str.encode))


@settings(max_examples=600, deadline=None)
@given(junk, st.one_of(texts, changed), junk)
@example(b"5", "4111111111111111", b"5")
@example(b"\xc2", "(555) 555-0100", b"\x80")
def test_where_find_finds_the_prefilter_hits(before: bytes, text: str, after: bytes) -> None:
    if find(text):
        assert PREFILTER.hit(before + text.encode() + after)


rows = st.lists(st.one_of(texts, changed, st.text(ALPHABET, max_size=8)), min_size=1, max_size=12)


@pytest.mark.parametrize("without_hyperscan", [False, True])
@settings(max_examples=300, deadline=None)
@given(rows=rows, padding=junk)
@example(rows=["4111 1111", " 1111 1111", "ann@", "example.com", "4111111111111111"], padding=b"")
@example(rows=["(4111", "\u20111111\u2011", "4111\u20111111\u20111111\u20111111", "()()"], padding=b"")
def test_no_part_with_something_to_find_is_left_out(without_hyperscan: bool, rows: list[str], padding: bytes) -> None:
    prefilter = WITHOUT if without_hyperscan else PREFILTER
    # So many that they are told apart, and what stands beside a part may belong to a match with it.
    parts = [text.encode() for text in rows for _ in range(2)] + [padding] * 40
    starts = list(accumulate(map(len, parts[:-1]), initial=0))
    found = prefilter.parts(b"".join(parts), starts)
    wanted = {number for number, part in enumerate(parts) if find(part.decode(errors="replace"))}
    assert found is None or wanted <= set(found)


def test_of_many_parts_those_with_a_hit_are_told() -> None:
    parts = [b"nothing here"] * 500
    for number, text in ((3, b"ann@example.com"), (77, b"4111 1111 1111 1111"), (499, b"203.0.113.9")):
        parts[number] = text
    starts = list(accumulate(map(len, parts[:-1]), initial=0))
    for prefilter in (PREFILTER, WITHOUT):
        assert prefilter.parts(b"".join(parts), starts) == [3, 77, 499]
        assert prefilter.parts(b"nothing here" * 500, starts) == []
    parts[4] = "naïve (a) \u2011".encode()
    starts = list(accumulate(map(len, parts[:-1]), initial=0))
    assert PREFILTER.parts(b"".join(parts), starts) == [3, 77, 499], "where the outline has lost bytes"


def test_of_parts_that_are_few_or_mostly_hits_all_are_to_be_looked_at() -> None:
    page = b"ann@example.com" * 500
    assert PREFILTER.parts(page, range(0, len(page), 15)) is None
    assert PREFILTER.parts(b"a@", [0, 1]) is None


@pytest.mark.parametrize("entity", ENTITIES)
def test_each_entity_has_a_prefilter_of_its_own(entity: str) -> None:
    prefilter = Prefilter([entity])
    for text in POSITIVE.get(entity, ("postgres://ann:s3cret@db.example.com/x",)):
        assert prefilter.hit(b"\x00\x00\x00\x379" + text.encode() + b"7\xff\x00")
    assert not prefilter.hit(b"nothing to see here")


@settings(max_examples=400, deadline=None)
@given(st.one_of(texts.map(str.encode), st.binary(max_size=40)))
def test_regular_expressions_agree_with_hyperscan(data: bytes) -> None:
    for fast, slow in SCANNERS:
        assert sorted(fast.which(data)) == slow.which(data)
        assert fast.hit(data) == slow.hit(data) == bool(slow.which(data))
        assert (fast.place(data) >= 0) == (slow.place(data) >= 0) == slow.hit(data)


def _prefilter_without_hyperscan() -> Prefilter:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hoopaddon.detect.prefilter.hyperscan", None)
        _loose_scanners.cache_clear()
        prefilter = Prefilter()
    _loose_scanners.cache_clear()
    return prefilter


def _pattern_sets() -> Iterator[list[tuple[bytes, bool]]]:
    yield [(d.loose, d.caseless) for d in DETECTORS if d.loose is not None]
    yield [(d.tight, d.caseless) for d in DETECTORS]
    yield [(re.escape(literal), False) for literal in outline_literals(o for d in DETECTORS for o in d.outlines)]


WITHOUT = _prefilter_without_hyperscan()
SCANNERS = [(HyperscanScanner(patterns), RegexScanner(patterns)) for patterns in _pattern_sets()]


def test_without_hyperscan_the_same_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoopaddon.detect.prefilter.hyperscan", None)
    finder = Finder()
    for text in SAMPLES:
        assert finder.find(text) == find(text)


def test_each_detector_can_be_found_in_raw_bytes() -> None:
    assert [detector.entity for detector in DETECTORS if detector.loose is None and not detector.outlines] == []


@pytest.mark.parametrize(
    "row",
    [
        b"D\0\0\0\x70\0\x04\0\0\0\x01%d\0\0\0\x011\0\0\0\x010\0\0\0\x54" + b" " * 84,
        b"%d\x002024-03-01 10:00:11.123456+00\x0012.50\x00shipped\x00Willow Armstrong\x00-17",
        b'%d\0t\0f\0NULL\0{1,2,3}\0(1,2)\x00{"a": 1, "b": [true, null]}',
    ],
)
def test_pages_of_ordinary_rows_are_no_hit(row: bytes) -> None:
    assert not PREFILTER.hit(b"".join(row % n for n in range(1, 1_000_000, 997)))


def test_it_takes_a_view_and_an_empty_page() -> None:
    assert PREFILTER.hit(memoryview(b"xx ann@example.com"))
    assert not PREFILTER.hit(memoryview(b"nothing"))
    assert not PREFILTER.hit(b"")


def test_characters_behind_json_escapes_are_a_hit() -> None:
    assert PREFILTER.hit(rb'{"mail": "ann\u0040example.com"}')


def test_a_page_too_long_to_scan_is_a_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoopaddon.detect.prefilter.MAX_SCAN_BYTES", 4)
    assert PREFILTER.hit(b"hello")


def test_scans_from_several_threads_do_not_disturb_each_other() -> None:
    page = (b"nothing here " * 5000) + b"ann@example.com"
    wrong: list[object] = []

    def scan() -> None:
        try:
            wrong.extend("missed" for _ in range(50) if not PREFILTER.hit(page))
        except Exception as e:
            wrong.append(e)

    threads = [threading.Thread(target=scan) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_outline_of_a_number() -> None:
    assert outline("(555) 555\u20110100 DE".encode()) == b"000 000 0000 AA"
    assert outline_literals(["0_0"]) == [b"0 0", b"0.0"]
    assert outline_literals(["000-0", "0*", "000"]) == [b"00", b"0A"]
