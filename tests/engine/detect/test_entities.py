"""Each entity against what it has to find and against what merely looks like it."""

from random import Random
from uuid import UUID

import pytest

from hoopaddon.detect import ENTITIES, GROUPS, UnknownEntity, expand, find
from tests.engine.detect.samples import NEGATIVE, POSITIVE

FOUND = [(entity, text) for entity, texts in POSITIVE.items() for text in texts]
AROUND = ["{}", " {} ", "({})", '"{}"', "{{{},1}}", "x: {}.", "id={};", "表{}格", "<b>{}</b>", r"a\n{}"]


@pytest.mark.parametrize(("entity", "text"), FOUND)
def test_an_entity_is_found_whole(entity: str, text: str) -> None:
    assert [tuple(match) for match in find(text, [entity])] == [(entity, 0, len(text))]


@pytest.mark.parametrize(("entity", "text"), FOUND)
def test_an_entity_keeps_its_name_among_all_others(entity: str, text: str) -> None:
    assert [match.entity for match in find(text)] == [entity]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(("entity", "text"), FOUND)
def test_what_stands_around_an_entity_does_not_hide_it(entity: str, text: str, around: str) -> None:
    whole = around.format(text)
    covered = {i for match in find(whole) for i in range(match.start, match.end)}
    start = whole.index(text)
    assert covered >= set(range(start, start + len(text)))


@pytest.mark.parametrize(("entity", "text"), [(entity, text) for entity, texts in NEGATIVE.items() for text in texts])
def test_a_lookalike_is_left_alone(entity: str, text: str) -> None:
    assert find(text, [entity]) == []


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("postgres://ann:s3cret@db.example.com/x", "ann:s3cret"),
        ("https://:token@example.com", ":token"),
        ("redis://default:p%40ss@10.0.0.1:6379/0", "default:p%40ss"),
        ("amqp://u:p@ss@mq.example.com", "u:p@ss"),
        (r"postgres:\/\/ann:s3cret@db\/x", "ann:s3cret"),
        ("DATABASE_URL=mysql://root:hunter2@localhost/app?x=1", "root:hunter2"),
        ("ftp://a:b@c", "a:b"),
        ("git+https://oauth2:abc@git.example.com/r.git", "oauth2:abc"),
    ],
)
def test_of_a_url_only_the_login_is_hidden(text: str, hidden: str) -> None:
    (match,) = find(text, ["url_credential", "email"])
    assert (match.entity, text[match.start : match.end]) == ("url_credential", hidden)


@pytest.mark.parametrize(
    "text",
    [
        "aws_secret_access_key = {}",
        "AWS_SECRET_ACCESS_KEY={}",
        '{{"aws_secret_key": "{}"}}',
        "aws.secret.token: '{}'",
    ],
)
def test_an_aws_secret_is_known_by_its_name(text: str) -> None:
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    whole = text.format(secret)
    (match,) = find(whole, ["api_key"])
    assert whole[match.start : match.end] == secret
    assert find(secret) == []


def test_the_rest_of_a_longer_token_goes_with_it() -> None:
    text = "ghp_" + "a1B2" * 9 + "andMore"
    assert find(text) == [("api_key", 0, len(text))]


def test_plain_numbers_and_ids_are_left_alone() -> None:
    random = Random(7)
    ordinary = [
        *(str(random.randint(0, 10**9)) for _ in range(2000)),
        *(str(1_700_000_000_000 + random.randint(0, 10**10)) for _ in range(2000)),
        *(str(1_700_000_000_000_000 + random.randint(0, 10**13)) for _ in range(2000)),
        *(repr(random.random() * 10**k) for k in range(8) for _ in range(500)),
        *(str(UUID(int=random.getrandbits(128), version=4)) for _ in range(5000)),
        *(random.randbytes(16).hex() for _ in range(2000)),
        *(f"{random.randint(0, 9999)}.{random.randint(0, 99):02}" for _ in range(1000)),
        *(f"2024-{m:02}-{d:02} 10:20:{d:02}.12{m:02}56+00" for m in range(1, 13) for d in range(1, 29)),
    ]
    assert [text for text in ordinary if find(text)] == []


def test_every_entity_has_samples() -> None:
    assert set(ENTITIES) == {*POSITIVE, "url_credential"} == set(NEGATIVE)


def test_groups_hold_known_entities() -> None:
    assert expand(["national_id", "email"]) == GROUPS["national_id"] | {"email"}
    assert expand(["all"]) == set(ENTITIES)


def test_an_unknown_name_is_told_what_was_meant() -> None:
    with pytest.raises(UnknownEntity, match="unknown entity 'emial'; did you mean 'email'"):
        expand(["emial"])
    with pytest.raises(UnknownEntity, match="known are national_id"):
        find("x", ["zzzzzz"])


@pytest.mark.parametrize(
    "text",
    ["４１１１１１１１１１１１１１１１", "411\u200b1111111111111", "ann＠example.com", "ann@\u200bexample.com"],
)
def test_what_the_documentation_says_is_not_found(text: str) -> None:
    assert find(text) == []
