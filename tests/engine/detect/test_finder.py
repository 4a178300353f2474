"""Several entities in one text, and texts that are made to be slow."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon.detect import UNSEARCHED, Finder, Match, find, finder, replace
from hoopaddon.detect.personal import EMAIL
from tests.engine.detect.samples import POSITIVE

FINDER = Finder()

HOSTILE = {
    "local parts": "a.",
    "doubled dots": "a..",
    "many ats": "a@",
    "labels": "a@1.",
    "numeric labels": "1.1@",
    "one word": "a",
    "digits": "4",
    "grouped digits": "4111 ",
    "wrong cards": "4111111111111112 ",
    "wrong phones": "+1 ",
    "trunk zeros": "020 7946 ",
    "dots": "1.",
    "colons": "2001:",
    "token heads": "eyJ",
    "tokens": "eyJaaaaaaaa-",
    "key heads": "BEGIN PRIVATE KEY",
    "cut keys": 'BEGIN PRIVATE KEY"',
    "ends": "BEGIN PRIVATE KEY END PRIVATE KEY ",
    "urls": "://a:b",
    "logins": "://a:@",
    "aws": "aws_key",
    "slack": "xoxb-1-",
    "openai": "sk-",
    "hooks": "https://hooks.slack.com/services/Ta/B",
    "ibans": "DE89 ",
    "ids": "78-05-",
    "escapes": "\\n",
    "blanks": " ",
    "spread": "a@b.co 4111111111111112 +49 170 1234567 078-05-1121 eyJ ://u:p@ 203.0.113.9 ",
}


def seconds(text: str) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        FINDER.find(text)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_time_grows_with_the_text_and_not_with_its_square(piece: str) -> None:
    small, factor = 8_000, 16
    # Twice the linear growth, and a floor for what the clock cannot tell; a square would be 256.
    few, many = (seconds("a@b.co 1" + piece * (size // len(piece))) for size in (small, small * factor))
    assert many < max(few, 0.001) * factor * 4


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hidden_in_a_hostile_text_stays_hidden(piece: str) -> None:
    text = piece * (200_000 // len(piece)) + " ann@example.com "
    place = text.index("ann@")
    assert any(match.start <= place and match.end >= place + len("ann@example.com") for match in FINDER.find(text))


def test_a_text_that_would_take_too_long_is_reported_whole() -> None:
    text = "4111111111111112 " * 120_000
    assert FINDER.find(text) == [Match(UNSEARCHED, 0, len(text))]
    text = "".join(" ".join(texts) + " " for texts in POSITIVE.values()) * 2000
    assert FINDER.find(text) == [Match(UNSEARCHED, 0, len(text))]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([text for texts in POSITIVE.values() for text in texts]), max_size=6),
    st.text(max_size=3),
)
def test_matches_are_in_order_apart_and_inside(samples: list[str], between: str) -> None:
    text = between.join(samples)
    found = FINDER.find(text)
    assert all(0 <= match.start < match.end <= len(text) for match in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann@example.com, bob@example.com", [("email", 0, 15), ("email", 17, 32)]),
        ("card 4111 1111 1111 1111 of ann@example.com", [("card", 5, 24), ("email", 28, 43)]),
        # The login hides itself; the host behind it is not part of an address.
        ("postgres://ann:pw@db.example.com/x", [("url_credential", 11, 17)]),
        # Four groups of an IBAN are no card, and three of a card no Aadhaar number.
        ("GB29 NWBK 6016 1331 9268 19", [("iban", 0, 27)]),
        ("4111 1111 1111 1111", [("card", 0, 19)]),
        # What stands beside a number may look like a part of it.
        ("4111 1111 1111 1111 123", [("card", 0, 19)]),
        ("4111111111111111 203", [("card", 0, 16)]),
        ("4000 4111 1111 1111 1111", [("card", 5, 24)]),
        ("call +1 555 010 0199 42 times", [("phone", 5, 20)]),
        ("000-078-05-1121", [("ssn", 4, 15)]),
        ("id-078-05-1121", [("ssn", 3, 14)]),
        ("2001:db8::1: connection refused", [("ipv6", 0, 11)]),
        ("-----BEGIN PRIVATE KEY-----\nann@example.com\n-----END PRIVATE KEY-----", [("private_key", 0, 69)]),
        ("", []),
        ("nothing", []),
    ],
)
def test_entities_that_overlap_are_reported_once(text: str, found: list[tuple[str, int, int]]) -> None:
    assert FINDER.find(text) == found


def test_what_two_entities_cover_is_hidden_together() -> None:
    text = "+1 943 476 5919"
    (match,) = find(text, ["phone", "gb_nhs"])
    assert (match.start, match.end) == (0, len(text))


def test_a_key_that_is_cut_off_ends_with_its_string() -> None:
    text = '{"a": "-----BEGIN PRIVATE KEY-----MIIE", "b": "ann@example.com"}'
    key, mail = FINDER.find(text)
    assert text[key.start : key.end] == "-----BEGIN PRIVATE KEY-----MIIE"
    assert mail.entity == "email"


def test_a_text_with_half_a_surrogate_pair_is_searched() -> None:
    assert [match.entity for match in FINDER.find("\ud800 ann@example.com")] == ["email"]


@given(
    st.lists(st.sampled_from(["ann", "@", "%40", ".", "'", "-", "example.com", "xn--p1ai", " ", "\0", "_", "1", "é"]))
)
def test_ascii_has_a_pattern_of_its_own_that_finds_the_same(parts: list[str]) -> None:
    text = "".join(parts)
    ascii_only = text.replace("é", "e")
    assert EMAIL.whole is not None
    assert EMAIL.whole_in_ascii is not None
    assert EMAIL.whole_in_ascii.split(ascii_only) == EMAIL.whole.split(ascii_only)
    searched, masks = finder(frozenset({"email"})), {"email": r"<\g\1>"}
    for each in (text, ascii_only):
        by_function = searched.replace(each, {"email": lambda entity, value: r"<\g\1>"})
        assert (
            searched.replace(each, masks) == by_function == replace(each, searched.find(each), lambda *_: r"<\g\1>")
        )


def test_a_mask_that_is_always_the_same_is_a_text() -> None:
    text = "ann@example.com, 4111 1111 1111 1111"
    assert finder(frozenset({"email", "card"})).replace(text, {"email": "E", "card": "C"}) == "E, C"
