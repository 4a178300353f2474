"""Field selectors: `metadata.name=web,status.phase!=Running`, with backslashes before what would mean something."""

import re

_PATH_NAME = re.compile(r"(?!\.\.?$)[^/%]+")
_TERM = re.compile(r"((?:[^,=!\\]|\\.)*?)(==|!=|=)((?:[^,\\]|\\.)*)")


def exact_name(selector: str) -> str:
    """The name that all selected objects have to have; empty where there is none (`RequiresExactMatch`)."""
    for term in _terms(selector):
        found = _TERM.fullmatch(term)
        if found and found[1] == "metadata.name" and found[2] != "!=":
            name = re.sub(r"\\(.)", r"\1", found[3])
            return name if _PATH_NAME.fullmatch(name) else ""
    return ""


def _terms(selector: str) -> list[str]:
    terms, start, escaped = [], 0, False
    for position, character in enumerate(selector):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ",":
            terms.append(selector[start:position])
            start = position + 1
    return [*terms, selector[start:]]
