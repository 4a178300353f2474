"""The mask_pii policy, through the chain that the gateway uses."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from hoopaddon import Column, ConfigError, Rows
from hoopaddon.addons.mask_pii import DEFAULT_ENTITIES, STYLES, MaskPII
from hoopaddon.detect import ENTITIES, GROUPS, Pseudonyms
from hoopaddon.testing import Bench, command, mask, output, rows

PAGE = (Path(__file__).parents[2] / "docs/policies/mask_pii.md").read_text()
KEY = "0123456789abcdef0123456789abcdef"
SSN = Column("ssn", "text", "public.users", "ssn")


def one(text: str | None, column: str | Column = "note", **options: Any) -> str | None:
    """The cell as the client would see it."""
    return mask(MaskPII(), [column], [[text]], options=options)[0][0]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(MaskPII()) as bench:
        yield bench


# -- cells


@pytest.mark.parametrize(
    ("kind", "text", "shown"),
    [
        ("text", "ann@example.com", "[email]"),
        ("text", "mail ann@example.com or bob@example.com.", "mail [email] or [email]."),
        ("varchar", "4111 1111 1111 1111", "[card]"),
        ("int8", "4111111111111111", None),
        ("numeric", "4111111111111111.00", None),
        ("inet", "203.0.113.9", None),
        ("_text", "{ann@example.com,bob}", "{[email],bob}"),
        ("_text", r'{"Ann \"A\" ann@example.com","x,y"}', r'{"Ann \"A\" [email]","x,y"}'),
        ("_text", '{{ann@example.com,"b c"},{4111111111111111,NULL}}', '{{[email],"b c"},{[card],NULL}}'),
        ("users", "(ann@example.com,1)", "([email],1)"),
        ("users", '("Ann ""A"" ann@example.com",4111111111111111)', '("Ann ""A"" [email]",[card])'),
        ("hstore", '"mail"=>"ann@example.com"', '"mail"=>"[email]"'),
        ("json", '{"mail": "ann@example.com", "n": 4111111111111111}', '{"mail": "[email]", "n": null}'),
        ("jsonb", r'{"mail": "ann\u0040example.com"}', '{"mail": "[email]"}'),
        ("text", '{"mail": "ann@example.com", "n": 4111111111111111}', '{"mail": "[email]", "n": null}'),
        ("text", "{not json} ann@example.com", "{not json} [email]"),
        ("text", r'["a\nann@example.com"]', r'["a\n[email]"]'),
        ("xml", "<u mail='ann@example.com'/>", "<u mail='[email]'/>"),
        ("bytea", r"\x616e6e406578616d706c652e636f6d", r"\x616e6e406578616d706c652e636f6d"),
        ("text", "plain", "plain"),
        ("text", "", ""),
        ("text", None, None),
    ],
)
def test_a_cell_keeps_its_syntax(bench: Bench, kind: str, text: str | None, shown: str | None) -> None:
    assert bench.rows(rows(command("SELECT 1"), [f"c:{kind}"], [[text]])).cells == [[shown]]


def test_only_what_holds_something_is_replaced(bench: Bench) -> None:
    batch = rows(command("SELECT 1"), ["id:int4", "mail"], [["1", "a"], ["2", "ann@example.com"], ["3", None]])
    assert bench.rows(batch).cells == [["1", "a"], ["2", "[email]"], ["3", None]]
    assert batch.edited


class Counting(Rows):
    """Counts how often cells are decoded."""

    __slots__ = ("decoded",)

    def texts(self, column: int) -> list[str | None]:
        self.decoded = getattr(self, "decoded", 0) + 1
        return super().texts(column)

    @property
    def haystack(self) -> bytes:
        return b"\0\0".join((text or "").encode() for texts in self._columns_text.values() for text in texts)


def test_rows_without_a_hit_are_not_decoded(bench: Bench) -> None:
    batch = Counting(command("SELECT 1"), [Column("id", "int4"), Column("name")], [["1", "Ann"], ["2", "Bob"]])
    bench.rows(batch)
    assert not hasattr(batch, "decoded")
    assert not batch.edited


def test_cells_that_hold_a_nul_do_not_run_into_each_other(bench: Bench) -> None:
    cells = [["a\0ann@example.com"], ["\0"], ["bob@example.com"], ["c"]]
    batch = Rows(command("SELECT 1"), [Column("c")], cells)
    assert bench.rows(batch).cells == [["a\0[email]"], ["\0"], ["[email]"], ["c"]]


def test_an_entity_does_not_span_two_cells(bench: Bench) -> None:
    cells = [["4111"], ["1111"], ["1111"], ["1111"], ["ann@"], ["example.com"]]
    assert bench.rows(rows(command("SELECT 1"), ["c"], cells)).cells == cells


def test_a_hostile_cell_is_hidden_whole_and_the_others_are_not(bench: Bench) -> None:
    hostile = "4111111111111112 " * 120_000
    cells = [["ann@example.com"], [hostile], ["plain"]]
    masked = bench.rows(rows(command("SELECT 1"), ["c"], cells)).cells
    assert masked == [["[email]"], ["[unsearched]"], ["plain"]]


def test_many_rows_are_masked_alike(bench: Bench) -> None:
    cells = [
        [str(n), f"user{n}@example.com", f"+49 170 {n:07}", f'{{"n": "user{n}@example.com"}}'] for n in range(500)
    ]
    masked = bench.rows(rows(command("SELECT 1"), ["id:int4", "mail", "phone", "doc:jsonb"], cells)).cells
    assert masked == [[str(n), "[email]", "[phone]", '{"n": "[email]"}'] for n in range(500)]


# -- entities and styles


def test_only_the_entities_that_are_named_are_masked() -> None:
    text = "ann@example.com 203.0.113.9 4111111111111111"
    assert one(text, mask_entities=["ip,card"]) == "ann@example.com [ipv4] [card]"
    assert one(text, mask_entities=["email"]) == "[email] 203.0.113.9 4111111111111111"


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, "[email] [card] [ipv4] [api_key]"),
        ({"mask_style": "partial"}, "a***@example.com ***1111 203.0.113.0 [api_key]"),
        ({"mask_styles": ["email=partial", "ip=partial"]}, "a***@example.com [card] 203.0.113.0 [api_key]"),
        (
            {"mask_style": "partial", "mask_styles": ["secret=redact,card=redact"]},
            "a***@example.com [card] 203.0.113.0 [api_key]",
        ),
    ],
)
def test_styles(options: Mapping[str, Any], shown: str) -> None:
    assert one("ann@example.com 4111111111111111 203.0.113.9 AKIAIOSFODNN7EXAMPLE", **options) == shown


def test_pseudonyms_join_across_rows_columns_and_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASK_KEY", KEY)
    options = {"mask_style": "hash", "mask_key": "env:MASK_KEY", "mask_columns": ["contact"]}
    name = Pseudonyms(KEY.encode())("email", "ann@example.com")
    for _ in range(2):
        cells = mask(
            MaskPII(), ["mail", "contact"], [["ann@example.com", "ANN@example.com"], ["x", "bob"]], options=options
        )
        assert cells[0] == [name, name]
        assert cells[1][0] == "x"
        assert cells[1][1] == Pseudonyms(KEY.encode())("masked", "bob")


def test_without_a_key_pseudonyms_hold_for_one_start() -> None:
    with Bench(MaskPII(), options={"mask_style": "hash"}) as bench:
        first, second = (bench.rows(rows(command("SELECT 1"), ["m"], [["ann@example.com"]])).cells for _ in range(2))
    assert first == second
    assert first != mask(MaskPII(), ["m"], [["ann@example.com"]], options={"mask_style": "hash"})


# -- columns


@pytest.mark.parametrize(
    ("pattern", "column", "hidden"),
    [
        ("ssn", "ssn", True),
        ("SSN", "Ssn", True),
        ("ssn", "ssn_hash", False),
        ("ssn", Column("x", "text", "public.users", "ssn"), True),
        ("users.ssn", Column("x", "text", "public.users", "ssn"), True),
        ("public.users.ssn", Column("x", "text", "public.users", "ssn"), True),
        ("public.users.*", Column("x", "text", "public.users", "name"), True),
        ("*.password", Column("x", "text", "auth.accounts", "password"), True),
        ("*password*", "old_password", True),
        ("users.ssn", Column("ssn", "text", "public.staff", "ssn"), False),
        ("users.ssn", "ssn", False),
        ("other.users.ssn", SSN, False),
    ],
)
def test_columns_are_masked_by_name_and_by_origin(pattern: str, column: str | Column, hidden: bool) -> None:
    assert one("value", column, mask_columns=[pattern]) == ("[masked]" if hidden else "value")


@pytest.mark.parametrize(
    ("kind", "style", "shown"),
    [
        ("text", "redact", "[masked]"),
        ("json", "redact", '"[masked]"'),
        ("jsonb", "partial", '"***c"'),
        ("text", "partial", "***c"),
    ],
)
def test_a_whole_column_has_a_style_of_its_own(kind: str, style: str, shown: str) -> None:
    assert one(
        "[a,c]" if "json" in kind else "a-b-c", f"c:{kind}", mask_columns=["c"], mask_styles=[f"column={style}"]
    ) == (shown if kind == "text" or style == "redact" else '"***"')


def test_null_stays_null_in_a_masked_column() -> None:
    assert one(None, "ssn", mask_columns=["ssn"]) is None


def test_an_excepted_column_is_left_alone() -> None:
    reference = Column("reference", "text", "public.orders", "reference")
    options: dict[str, Any] = {"mask_except_columns": ["public.orders.reference"], "mask_columns": ["orders.*"]}
    assert one("ann@example.com", reference, **options) == "ann@example.com"


@pytest.mark.parametrize(
    "column", ["reference", Column("reference", "text", "public.users", "email"), Column("reference")]
)
def test_an_alias_does_not_take_a_mask_off(column: str | Column) -> None:
    assert one("ann@example.com", column, mask_except_columns=["reference", "orders.reference"]) == "[email]"


def test_other_columns_of_the_row_are_searched_still() -> None:
    cells = mask(MaskPII(), ["ssn", "note"], [["1", "ann@example.com"]], options={"mask_columns": ["ssn"]})
    assert cells == [["[masked]", "[email]"]]


def test_results_with_other_columns_have_plans_of_their_own() -> None:
    with Bench(MaskPII(), options={"mask_columns": ["ssn"]}) as bench:
        for columns in (["ssn"], ["name"], ["ssn"], ["name", "ssn"]):
            batch = rows(command("SELECT 1"), columns, [["v"] * len(columns)])
            assert bench.rows(batch).cells == [["[masked]" if c == "ssn" else "v" for c in columns]]


# -- errors, notices, notifications


@pytest.mark.parametrize("kind", ["error", "notice", "notification", "terminal", "log"])
def test_text_beside_the_rows_is_searched(kind: str) -> None:
    text = "Key (email)=(ann@example.com) already exists."
    assert output(MaskPII(), text, kind) == "Key (email)=([email]) already exists."


def test_a_payload_that_is_json_stays_json() -> None:
    text = output(MaskPII(), '{"mail": "ann@example.com", "card": 4111111111111111}', "notification")
    assert json.loads(text) == {"mail": "[email]", "card": None}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Key (ssn)=(secret) already exists.", "Key (ssn)=([masked]) already exists."),
        ("Key (id, ssn)=(7, secret) already exists.", "Key (id, ssn)=(7, [masked]) already exists."),
        ("Key (id, ssn)=(7, a, b) already exists.", "Key (id, ssn)=([masked]) already exists."),
        ("Key (ssn)=(sec)ret) already exists.", "Key (ssn)=([masked]) already exists."),
        ("Key (ssn)=(a)=(b) already exists.", "Key (ssn)=([masked]) already exists."),
        ("Key (ssn)=(unclosed", "Key (ssn)=([masked]"),
        ("Key (lower(ssn::text))=(secret) already exists.", "Key (lower(ssn::text))=([masked]) already exists."),
        (
            "Key (coalesce(a, b), ssn)=(1, secret) already exists.",
            "Key (coalesce(a, b), ssn)=(1, [masked]) already exists.",
        ),
        ('Key ("SSN")=(secret) already exists.', 'Key ("SSN")=([masked]) already exists.'),
        ("Schlüssel »(ssn)=(secret)« existiert bereits.", "Schlüssel »(ssn)=([masked])« existiert bereits."),
        ("キー (ssn)=(secret) はすでに存在します。", "キー (ssn)=([masked]) はすでに存在します。"),
        ("Key (id)=(7) already exists.", "Key (id)=(7) already exists."),
        (
            "Key (ssn, during)=(secret, [1,5)) conflicts with existing key (ssn, during)=(other, [2,6)).",
            "Key (ssn, during)=([masked]).",
        ),
        ("Failing row contains (1, Ann, secret).", "Failing row contains ([masked])."),
        ("Failing row contains (1, a)b, (secret)).", "Failing row contains ([masked])."),
        ("La ligne en échec contient (1, secret).", "La ligne en échec contient ([masked])."),
        ("失败的行包含(1, secret)", "失败的行包含([masked])"),
        ('invalid input syntax for type integer: "secret"', 'invalid input syntax for type integer: "[masked]"'),
        ('invalid input syntax for type integer: "sec"ret"', 'invalid input syntax for type integer: "[masked]"'),
        (
            "syntaxe en entrée invalide pour le type integer : « secret »",
            "syntaxe en entrée invalide pour le type integer : «[masked]»",
        ),
        ('COPY users, line 1, column ssn: "secret"', 'COPY users, line 1, column ssn: "[masked]"'),
        ('value "99999999999" is out of range for type integer', 'value "[masked]" is out of range for type integer'),
        ('column "name" of relation "users" does not exist', 'column "name" of relation "users" does not exist'),
        ("value too long for type character varying(10)", "value too long for type character varying(10)"),
        ("function foo(integer) does not exist", "function foo(integer) does not exist"),
    ],
)
def test_what_a_message_quotes_of_a_masked_column_is_hidden(text: str, shown: str) -> None:
    assert output(MaskPII(), text, "error", options={"mask_columns": ["users.ssn"]}) == shown


@pytest.mark.parametrize("text", ["Failing row contains (1, Ann).", 'Key (ssn)=(7) exists: "x"'])
def test_without_masked_columns_messages_stay_as_they_are(text: str) -> None:
    assert output(MaskPII(), text, "error") == text


@pytest.mark.parametrize("piece", ["( ", ")=(", "(a)=(", "Key (", "(ssn", "a, "])
def test_a_hostile_message_hides_what_it_quotes(piece: str) -> None:
    text = f"{piece * 200_000}(ssn)=(secret)"
    assert "secret" not in output(MaskPII(), text, "error", options={"mask_columns": ["*"]})


# -- the documentation


def test_the_page_names_every_entity_group_option_and_style() -> None:
    loader = Mock()
    MaskPII().load(loader)
    options = [call.args[0] for call in loader.add_option.call_args_list]
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert {*ENTITIES, *GROUPS, *STYLES, *options} - named == set()
    assert f"`{','.join(DEFAULT_ENTITIES)}`" in PAGE


def test_the_page_s_own_detector_works() -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    script: dict[str, Any] = {}
    exec(source, script)
    assert mask(script["addons"], ["note"], [["of C-123456-7"], ["plain"], [None]]) == [
        ["of [customer]"],
        ["plain"],
        [None],
    ]


@pytest.mark.parametrize(
    "text", ["moc.elpmaxe@nna", "de89370400440532013000", r"\x616e6e40", "a n n @ e x", "1111111111111111"]
)
def test_what_the_page_says_is_not_seen(text: str) -> None:
    assert one(text) == text


# -- configuration


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask_entities": ["emial"]}, "mask_entities: unknown entity 'emial'; did you mean 'email'"),
        ({"mask_style": "blur"}, "mask_style"),
        (
            {"mask_styles": ["email=blur"]},
            "mask_styles: unknown style 'blur' for email; known are redact, partial, hash",
        ),
        ({"mask_styles": ["email"]}, "write, for example, email=partial"),
        ({"mask_styles": ["emails=hash"]}, "mask_styles: unknown entity 'emails'; did you mean 'email'"),
        ({"mask_key": "plain text"}, "write env:NAME, file:PATH"),
        ({"mask_key": "env:NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
    ],
)
def test_a_mistake_in_an_option_says_what_to_write(options: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Bench(MaskPII(), options=options)
    assert message in str(caught.value)


def test_before_it_is_configured_nothing_passes() -> None:
    policy = MaskPII()
    with pytest.raises(AttributeError):
        policy.rows(rows(command("SELECT 1"), ["c"], [["ann@example.com"]]))


def columns_of(names: Sequence[str]) -> list[Column]:
    return [Column(name) for name in names]


def test_plans_of_many_results_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoopaddon.addons.mask_pii._MAX_PLANS", 3)
    policy = MaskPII()
    with Bench(policy) as bench:
        for n in range(20):
            bench.rows(rows(command("SELECT 1"), columns_of([f"c{n}"]), [["x"]]))
    assert len(policy._plans) <= 3
