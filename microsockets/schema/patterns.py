"""A short string that a regular expression accepts."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

_parser: Any = importlib.import_module("re._parser")
_LETTERS: Final = "a0A-_ ./:@!~\t\n" + "".join(map(chr, range(33, 127)))
_EMPTY: Final = frozenset({"ASSERT", "ASSERT_NOT", "AT"})
"""What stands between letters. Whether the string fits them is seen at the end."""
_CATEGORIES: Final[dict[str, Callable[[str], bool]]] = {
    "CATEGORY_DIGIT": str.isdigit,
    "CATEGORY_NOT_DIGIT": lambda letter: not letter.isdigit(),
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_NOT_SPACE": lambda letter: not letter.isspace(),
    "CATEGORY_WORD": lambda letter: letter.isalnum() or letter == "_",
    "CATEGORY_NOT_WORD": lambda letter: not (letter.isalnum() or letter == "_"),
}


def matching(pattern: str, at_least: int = 0) -> str | None:
    """None if none is found. Repeats what may be repeated
    until the string has `at_least` characters."""
    try:
        tree = _parser.parse(pattern)
        for times in (0, 1, at_least):
            found = _sequence(tree, times, {})
            if len(found) >= at_least and re.search(pattern, found):
                return found
    except (re.error, LookupError, RecursionError, OverflowError):
        return None
    return None


def _sequence(items: Iterable[Any], times: int, groups: dict[int, str]) -> str:
    return "".join(_one(str(operator), argument, times, groups) for operator, argument in items)


def _one(operator: str, argument: Any, times: int, groups: dict[Any, str]) -> str:
    if operator == "LITERAL":
        return chr(argument)
    if operator == "NOT_LITERAL":
        return _letter(lambda letter: ord(letter) != argument)
    if operator == "ANY":
        return "a"
    if operator == "IN":
        return _letter(lambda letter: _is_in(argument, letter))
    if operator == "BRANCH":
        return _sequence(argument[1][0], times, groups)
    if operator == "SUBPATTERN":
        text = _sequence(argument[-1], times, groups)
        groups[argument[0]] = text
        return text
    if operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        fewest, most, repeated = argument
        return _sequence(repeated, times, groups) * int(max(fewest, min(most, times)))
    if operator == "GROUPREF":
        return str(groups[argument])
    if operator in _EMPTY:
        return ""
    raise LookupError(operator)


def _letter(fits: Callable[[str], bool]) -> str:
    for letter in _LETTERS:
        if fits(letter):
            return letter
    raise LookupError("letter")


def _is_in(choices: Iterable[Any], letter: str) -> bool:
    negated = False
    found = False
    for operator, argument in choices:
        kind = str(operator)
        if kind == "NEGATE":
            negated = True
        elif kind == "LITERAL":
            found = found or ord(letter) == argument
        elif kind == "RANGE":
            found = found or argument[0] <= ord(letter) <= argument[1]
        elif kind == "CATEGORY":
            found = found or _CATEGORIES[str(argument)](letter)
        else:
            raise LookupError(kind)
    return found is not negated
