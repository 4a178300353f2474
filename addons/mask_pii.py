"""Mask personal data and secrets in what comes back: rows, errors and notices, terminals and programs' output.

hoopaddon -s mask_pii.py --set mask_columns=users.ssn,*.password --set mask_styles=email=hash
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mitmproxy.exceptions import OptionsError

from hoopaddon import Addon, Column, ConfigError, KubeCommand, Loader, Output, Refused, Rows, ctx
from hoopaddon.detect import (
    BODY_KINDS,
    ENTITIES,
    UNSEARCHED,
    BodyMask,
    Fields,
    KubeMask,
    Mask,
    Prefilter,
    Pseudonyms,
    StreamMask,
    StreamState,
    UnknownEntity,
    body_state,
    expand,
    finder,
    kube_fields,
    mask_json,
    partial,
    redacted,
    replace,
)

DEFAULT_ENTITIES = ("email", "card", "iban", "national_id", "phone", "ip", "secret")
STYLES = ("redact", "partial", "hash")
WHOLE = "column"
"""What `mask_styles` calls the cells of `mask_columns`."""

type WholeMask = Callable[[str], str]

_MASKED = "masked"
_JSON = frozenset({"json", "jsonb"})
_MAX_JSON = 1_000_000
_MAX_PLANS = 1024
_STREAMS = frozenset({"stdout", "stderr", "log"})
_STATE = "mask_pii.streams"
_MAX_STREAMS = 256


@dataclass(frozen=True, slots=True)
class Plan:
    """Which columns of a result are masked whole, and which are searched."""

    whole: tuple[int, ...]
    searched: tuple[int, ...]


class MaskPII(Addon):
    """Looks for entities in every cell, and masks the columns that are named whole."""

    def __init__(self) -> None:
        self._pseudonyms: Pseudonyms | None = None

    def load(self, loader: Loader) -> None:
        add, names = loader.add_option, Sequence[str]
        add("mask_entities", names, list(DEFAULT_ENTITIES), "What to look for, by entity or group.")
        add(
            "mask_columns", names, [], "Columns to mask whole, as `ssn`, `users.ssn`, `public.users.*`, `*.password`."
        )
        add("mask_except_columns", names, [], "Columns of tables to leave alone, as `public.orders.reference`.")
        add("mask_style", str, "redact", "What stands in the place of a value.", STYLES)
        add("mask_styles", names, [], "Styles for single entities, as `email=hash`; `column` is a whole column.")
        add("mask_binary", str, "pass", "What becomes of bodies that are no text.", ("pass", "refuse"))
        add("mask_kubernetes", names, ["default"], "Fields of objects to mask whole, as `configmaps:$.data.*`.")
        add("mask_key", str, "", "Key of the style hash, as `env:NAME` or `file:PATH`. Empty: random per start.")

    def configure(self, updated: set[str]) -> None:
        options = ctx.options
        styles = _styles(_listed(options.mask_styles), options.mask_style)
        try:
            entities = expand(_listed(options.mask_entities))
        except UnknownEntity as e:
            raise OptionsError(f"mask_entities: {e}") from None
        if self._pseudonyms is None or "mask_key" in updated:
            try:
                self._pseudonyms = Pseudonyms.keyed_by(options.mask_key, option="mask_key")
            except ConfigError as e:
                raise OptionsError(str(e)) from None
        masks: dict[str, Mask] = {"redact": redacted, "partial": partial, "hash": self._pseudonyms}
        self._masks = {entity: masks[style] for entity, style in styles.items()} | {UNSEARCHED: redacted}
        # In a column every value is replaced at once, which is faster by a text than by a function.
        self._column_masks: dict[str, str | Mask] = {
            entity: redacted(entity) if mask is redacted else mask for entity, mask in self._masks.items()
        }
        self._whole_style = styles[WHOLE]
        self._columns = _patterns(options.mask_columns)
        self._except = _patterns(options.mask_except_columns)
        self._finder = finder(entities)
        self._prefilter = Prefilter(entities)
        self._refuses_binary = options.mask_binary == "refuse"
        self._bodies = BodyMask(self._finder, self._mask, Fields(self._columns), self._mask_whole)
        self._objects = KubeMask(
            entities, self._mask, kube_fields(_listed(options.mask_kubernetes)), self._mask_whole
        )
        self._streams = StreamMask(self._finder, self._mask, self._mask_json_line)
        self._plans: dict[tuple[Column, ...], Plan] = {}
        self._last: tuple[tuple[Column, ...], Plan] = ((), Plan((), ()))

    # -- rows

    def rows(self, rows: Rows) -> None:
        columns, plan = self._last
        if rows.columns is not columns:
            plan = self._plan(rows.columns)
        suspects: Sequence[int] = ()
        if plan.searched and self._prefilter.hit(rows.haystack):
            suspects = rows.suspects(self._prefilter.parts)
        for column in plan.whole:
            self._mask_column(rows, column)
        if len(suspects) == len(rows):
            for column in plan.searched if suspects else ():
                self._search_column(rows, column)
        else:
            for row in suspects:
                self._search_row(rows, row, plan.searched)

    def _plan(self, columns: tuple[Column, ...]) -> Plan:
        plan = self._plans.get(columns)
        if plan is None:
            whole = [i for i, column in enumerate(columns) if self._is_whole(column)]
            searched = [
                i for i, c in enumerate(columns) if i not in whole and not _matches(self._except, _origins(c))
            ]
            plan = Plan(tuple(whole), tuple(searched))
            if len(self._plans) >= _MAX_PLANS:
                self._plans.clear()
            self._plans[columns] = plan
        self._last = (columns, plan)
        return plan

    def _is_whole(self, column: Column) -> bool:
        if self._columns and not column.settled:
            # It is read from a table that nobody has looked up yet, so it could be any of those columns.
            return True
        # The client chooses the result's names: they may add a mask, and never take one off.
        names = (column.name.lower(), *_origins(column))
        return _matches(self._columns, names) and not _matches(self._except, _origins(column))

    def _mask_column(self, rows: Rows, column: int) -> None:
        is_json = rows.columns[column].type in _JSON
        masked = [None if text is None else self._mask_whole(text) for text in rows.texts(column)]
        if is_json:
            masked = [None if text is None else json.dumps(text, ensure_ascii=False) for text in masked]
        rows.rewrite(column, masked)

    def _mask_whole(self, text: str) -> str:
        mask = self._masks[WHOLE]
        if self._whole_style == "redact":
            return mask(_MASKED, text)
        # A value that is one entity has the same mask here as where it is found by itself.
        found = self._finder.find(text)
        if len(found) == 1 and (found[0].start, found[0].end) == (0, len(text)):
            return mask(found[0].entity, text)
        return mask(_MASKED, text)

    def _search_row(self, rows: Rows, row: int, columns: Iterable[int]) -> None:
        for column in columns:
            if text := rows.text(row, column):
                masked = self._mask_cell(text, rows.columns[column].type in _JSON)
                if masked != text:
                    rows.replace(row, column, masked)

    def _search_column(self, rows: Rows, column: int) -> None:
        """Search all cells at once, joined; cell by cell only where that is not safe."""
        if not self._prefilter.hit(rows.haystack_of(column)):
            return
        texts = rows.texts(column)
        joined = "\0".join([text or "" for text in texts])
        is_json = rows.columns[column].type in _JSON
        cells: Sequence[str | None] = ()
        if is_json:
            # Every value has all its quotes in pairs, so what is inside of a string can be told across values.
            if "\\" not in joined:
                cells = mask_json(joined, self._finder, self._mask).split("\0")
        else:
            masked = self._finder.replace(joined, self._column_masks)
            # In JSON there may be more, behind escapes.
            if masked == joined and not ("\\" in joined and '"' in joined):
                return
            cells = masked.split("\0") if masked is not None else ()
        if len(cells) != len(texts):
            cells = [self._mask_cell(text, is_json) if text else text for text in texts]
        elif None in texts or (not is_json and '"' in joined):
            cells = [
                text if not text else self._mask_cell(text, False) if not is_json and _may_be_json(text) else cell
                for text, cell in zip(texts, cells, strict=True)
            ]
        rows.rewrite(column, cells)

    def _mask_cell(self, text: str, is_json: bool) -> str:
        if is_json or _is_json(text):
            return mask_json(text, self._finder, self._mask)
        return replace(text, self._finder.find(text), self._mask)

    def _mask(self, entity: str, text: str) -> str:
        return self._masks[entity](entity, text)

    # -- errors, notices, notifications, and what streams

    def output(self, output: Output) -> None:
        text, kind = output.text, output.kind
        if kind == "resize":
            self._resized(output)
        elif kind == "terminal":
            output.text = self._streams.terminal(text, self._stream_state(output))
        elif kind == "object":
            resource = output.command.resource if isinstance(output.command, KubeCommand) else ""
            output.text = self._objects.edit(text, resource)
        elif kind in BODY_KINDS:
            output.text = self._bodies.edit(kind, text, body_state(output.vars, _STATE))
        elif kind == "binary":
            if self._refuses_binary:
                raise Refused(f"{text} cannot be looked into")
        elif kind in _STREAMS:
            output.text = self._streams.lines(text, self._stream_state(output))
        else:
            if self._columns and kind in ("error", "notice"):
                text = self._mask_quoted(text)
            output.text = self._mask_cell(text, False)

    def _stream_state(self, output: Output, kind: str = "") -> StreamState:
        """What is remembered of this stream, for as long as its session lives."""
        streams = output.session.vars.setdefault(_STATE, {})
        command = output.command
        key = (command.number if command is not None else 0, kind or output.kind)
        state: StreamState | None = streams.get(key)
        if state is None:
            if len(streams) >= _MAX_STREAMS:
                del streams[next(iter(streams))]
            state = streams[key] = StreamState()
        return state

    def _resized(self, output: Output) -> None:
        columns = output.text.partition("x")[0]
        self._stream_state(output, "terminal").columns = int(columns) if columns.isdecimal() else 0

    def _mask_json_line(self, line: str) -> str | None:
        return mask_json(line, self._finder, self._mask) if _is_json(line) else None

    def _mask_quoted(self, text: str) -> str:
        """Mask what a message quotes of a row, by the message's structure: its words depend on the language."""
        key = text.find(")=(")
        if key >= 0:
            return self._mask_key(text, key)
        text = _mask_last_parenthesis(text, self._mask_whole)
        text = _mask_after_colon(text, self._mask_whole)
        return _QUOTED_NUMBER.sub(lambda quoted: quoted[1] + self._mask_whole(quoted[2]) + quoted[3], text)

    def _mask_key(self, text: str, key: int) -> str:
        """`Key (ssn, name)=(078-05-1120, Ann) already exists.`"""
        opening = _opening(text, key)
        names = _key_names(text[opening + 1 : key])
        masked = [self._is_masked_name(name) for name in names]
        if not any(masked):
            return text
        start, end = key + 3, text.rfind(")")
        if end < start:
            return text[:start] + self._mask_whole(text[start:])
        values = text[start:end].split(", ")
        if len(values) != len(names) or ")=(" in text[start:end]:
            # A value holds what separates values, so where it ends cannot be told.
            return text[:start] + self._mask_whole(text[start:end]) + text[end:]
        shown = [self._mask_whole(v) if hide else v for v, hide in zip(values, masked, strict=True)]
        return text[:start] + ", ".join(shown) + text[end:]

    def _is_masked_name(self, name: str) -> bool:
        """By the last part of each pattern: a message does not say which table it means.

        What has no name could be any column.
        """
        words = [word.strip('"').lower() for word in _WORD.findall(name)]
        patterns = [pattern.rpartition(".")[2] for pattern in self._columns]
        return not words or _matches(patterns, words)


_WORD = re.compile(r'"[^"]+"|\w+')
_QUOTES = '"«»„“”'
_AFTER_COLON = re.compile(rf":\s?[{_QUOTES}]")
_QUOTED_NUMBER = re.compile(rf"([{_QUOTES}]\s?)([-+]?[0-9][-+0-9.eE]*+)(\s?[{_QUOTES}])")
_PARENTHESIS = re.compile(r"(?:^|(?<=[\s\u0080-\U0010ffff]))\(")


def _mask_last_parenthesis(text: str, mask: WholeMask) -> str:
    """`Failing row contains (1, Ann, null).`, in whatever language."""
    end = text.rfind(")")
    if end < 0 or len(text) - end > len(") ."):
        return text
    opening = _PARENTHESIS.search(text, 0, end)
    if opening is None:
        return text
    return text[: opening.end()] + mask(text[opening.end() : end]) + text[end:]


def _mask_after_colon(text: str, mask: WholeMask) -> str:
    """`invalid input syntax for type integer: "Ann"`, `COPY users, line 1, column ssn: "078"`."""
    opening = _AFTER_COLON.search(text)
    if opening is None:
        return text
    end = max(text.rfind(quote) for quote in _QUOTES)
    end = end if end >= opening.end() else len(text)
    return text[: opening.end()] + mask(text[opening.end() : end]) + text[end:]


def _opening(text: str, closing: int) -> int:
    """The parenthesis that the one at `closing` closes; -1 without one."""
    depth = 0
    for position in range(closing, -1, -1):
        depth += (text[position] == ")") - (text[position] == "(")
        if depth == 0:
            return position
    return -1


def _key_names(text: str) -> list[str]:
    """The columns of a key: a comma inside an expression's parentheses separates nothing."""
    names, depth = [""], 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and not depth:
            names.append("")
        else:
            names[-1] += c
    return names


def _may_be_json(text: str) -> bool:
    return text[0] in "{[" and '"' in text


def _is_json(text: str) -> bool:
    """Whether a text is a JSON object or array, which should stay one."""
    if not text or not _may_be_json(text) or len(text) > _MAX_JSON:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


# -- options


def _listed(values: Iterable[str]) -> list[str]:
    """`a,b` is two values, as `--set name=a,b` is meant."""
    return [part for value in values for part in (p.strip() for p in value.split(",")) if part]


def _patterns(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(pattern.lower() for pattern in _listed(values))


def _origins(column: Column) -> tuple[str, ...]:
    """The names under which the column's table knows it; none for an expression."""
    if not column.source:
        return ()
    source, table = column.source.lower(), column.table.lower()
    return (source, f"{table.rpartition('.')[2]}.{source}", f"{table}.{source}") if table else (source,)


def _matches(patterns: Iterable[str], names: Iterable[str]) -> bool:
    names = tuple(names)
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _styles(overrides: Iterable[str], default: str) -> dict[str, str]:
    """The style of every entity, and of whole columns."""
    if default not in STYLES:
        raise OptionsError(f"mask_style: unknown style {default!r}; known are {', '.join(STYLES)}")
    styles = dict.fromkeys((*ENTITIES, WHOLE), default)
    for override in overrides:
        name, equals, style = (part.strip() for part in override.partition("="))
        if not equals:
            raise OptionsError(f"mask_styles: {override!r} names no style; write, for example, {override}=partial")
        if style not in STYLES:
            raise OptionsError(f"mask_styles: unknown style {style!r} for {name}; known are {', '.join(STYLES)}")
        try:
            named = {WHOLE} if name == WHOLE else expand([name])
        except UnknownEntity as e:
            raise OptionsError(f"mask_styles: {e}") from None
        styles |= dict.fromkeys(named, style)
    return styles


addons = [MaskPII()]
