"""What stands in the place of a value: it tells little, fits, and stays the same where it has to."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import ConfigError
from hoopaddon.detect import ENTITIES, Finder, Pseudonyms, mask_json, partial, redacted, replace
from tests.engine.detect.samples import POSITIVE

FINDER = Finder()
KEY = b"0123456789abcdef0123456789abcdef"
SAMPLES = [(entity, text) for entity, texts in POSITIVE.items() for text in texts]


@pytest.mark.parametrize(
    ("entity", "text", "shown"),
    [
        ("email", "ann@example.com", "a***@example.com"),
        ("email", "ann%40example.com", "a***@example.com"),
        ("card", "4111 1111 1111 1111", "***1111"),
        ("card", "4111111111111111", "***1111"),
        ("iban", "DE89 3704 0044 0532 0130 00", "***3000"),
        ("ssn", "078-05-1121", "***121"),
        ("phone", "+49 170 1234567", "***4567"),
        ("ipv4", "203.0.113.9", "203.0.113.0"),
        ("ipv6", "2001:db8:1:2::9", "2001:db8:1::"),
        ("ipv4", "no address", "[ipv4]"),
        ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.x", "[jwt]"),
        ("api_key", "AKIAIOSFODNN7EXAMPLE", "[api_key]"),
        ("private_key", "-----BEGIN PRIVATE KEY-----", "[private_key]"),
        ("url_credential", "ann:pw", "[url_credential]"),
        ("masked", "secret word", "***ord"),
        ("masked", "no", "***"),
        ("masked", "", "***"),
    ],
)
def test_partial_shows_what_people_recognise(entity: str, text: str, shown: str) -> None:
    assert partial(entity, text) == shown


@pytest.mark.parametrize(("entity", "text"), SAMPLES)
def test_no_mask_has_a_character_with_a_meaning_or_is_found_again(entity: str, text: str) -> None:
    for mask in (redacted, partial, Pseudonyms(KEY)):
        masked = mask(entity, text)
        assert not set(masked) & set("\"'\\,(){}<>&\0\n\t ")
        assert mask is partial or FINDER.find(masked) == []


def test_redacted_names_the_entity() -> None:
    assert {redacted(entity) for entity in ENTITIES} == {f"[{entity}]" for entity in ENTITIES}


def test_a_pseudonym_is_the_same_for_the_same_value_and_key() -> None:
    one, same, other = Pseudonyms(KEY), Pseudonyms(KEY), Pseudonyms(KEY[::-1])
    name = one("email", "Ann@Example.com")
    assert name == same("email", "ann@example.com") == one("email", "ann%40example.com")
    assert name != other("email", "ann@example.com")
    assert name != one("email", "bob@example.com")
    assert name != one("phone", "ann@example.com")
    assert name.startswith("email_")
    assert one("card", "4111 1111 1111 1111") == one("card", "4111-1111-1111-1111") == one("card", "4111111111111111")
    assert one("phone", "+49 170 1234567") == one("phone", "+49 (170) 123-4567")


def test_the_key_comes_from_where_the_reference_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text(KEY.decode() + "\n")
    monkeypatch.setenv("MASK_KEY", KEY.decode())
    names = {Pseudonyms.keyed_by(r)("email", "a@b.co") for r in (f"file:{file}", "env:MASK_KEY")}
    assert names == {Pseudonyms(KEY)("email", "a@b.co")}
    assert Pseudonyms.keyed_by("")("email", "a@b.co") != Pseudonyms.keyed_by("")("email", "a@b.co")


def test_a_key_that_is_no_key_is_refused_and_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASK_KEY", "tooshort")
    for reference in ("env:MASK_KEY", "env:NOT_SET_ANYWHERE", "file:/does/not/exist", "supersecretvalue"):
        with pytest.raises(ConfigError) as caught:
            Pseudonyms.keyed_by(reference, option="mask_key")
        assert "mask_key" in str(caught.value)
        assert not any(secret in str(caught.value) for secret in ("tooshort", "supersecretvalue"))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"mail": "ann@example.com"}', '{"mail": "[email]"}'),
        ('{"ann@example.com": 1.50}', '{"[email]": 1.50}'),
        ('{"card": 4111111111111111, "n": 1}', '{"card": null, "n": 1}'),
        ("[4111111111111111,4111111111111111]", "[null,null]"),
        ("4111111111111111", "null"),
        ('"ann@example.com"', '"[email]"'),
        ('{"x": 0.4111111111111111, "y": -12e3}', '{"x": 0.4111111111111111, "y": -12e3}'),
        (r'{"mail": "ann\u0040example.com"}', '{"mail": "[email]"}'),
        (r'{"note": "line\nann@example.com"}', r'{"note": "line\n[email]"}'),
        (r'{"note": "m\u00fcller@example.com"}', '{"note": "[email]"}'),
        (
            r'{"note": "she said \"ann@example.com\"", "n": 4111111111111111}',
            r'{"note": "she said \"[email]\"", "n": null}',
        ),
        (r'{"url": "https:\/\/u:p@h\/"}', '{"url": "https://[url_credential]@h/"}'),
        (r'{"a": "\\", "card": 4111111111111111}', r'{"a": "\\", "card": null}'),
        (
            r'{"a": "\t", "aws_secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}',
            r'{"a": "\t", "aws_secret_key": "[api_key]"}',
        ),
        (r'{"k": "\ud83d\ude00 x"}', r'{"k": "\ud83d\ude00 x"}'),
        ("{}", "{}"),
    ],
)
def test_json_stays_json(text: str, masked: str) -> None:
    assert mask_json(text, FINDER, redacted) == masked
    json.loads(masked)


secrets = st.sampled_from([text for texts in POSITIVE.values() for text in texts])
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.just(4111111111111111), st.text(max_size=8), secrets)
values = st.recursive(
    leaves,
    lambda v: st.one_of(st.lists(v, max_size=4), st.dictionaries(st.text(max_size=4), v, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(values, st.booleans())
def test_any_json_stays_json_and_loses_what_is_found(value: object, ascii_only: bool) -> None:
    masked = json.loads(mask_json(json.dumps(value, ensure_ascii=ascii_only), FINDER, redacted))
    assert json.dumps(masked, ensure_ascii=False).count("4111111111111111") == 0
    assert _leaves(masked) == _leaves(value)
    assert not [leaf for leaf in _texts(masked) if leaf in [s for _, s in SAMPLES]]


def _leaves(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(_leaves, value.values()))
    return sum(map(_leaves, value)) if isinstance(value, list) else 1


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("text", ['"\\x" ann@example.com', '{"a": "\\', "\\ 4111111111111111", '"\\u00zz@b.co"'])
def test_what_is_no_json_does_not_get_through(text: str) -> None:
    masked = mask_json(text, FINDER, redacted)
    assert "ann@" not in masked
    assert "4111" not in masked


def test_json_with_escapes_that_is_too_long_to_search_is_hidden_whole() -> None:
    assert mask_json('"\\n' + "x" * 4_000_000 + '"', FINDER, redacted) == '"[unsearched]"'


def test_replace_leaves_the_rest_as_it_is() -> None:
    text = "to ann@example.com, cc bob@example.com."
    assert replace(text, FINDER.find(text), redacted) == "to [email], cc [email]."
    assert replace(text, [], redacted) == text
