"""How one alternative of a schema differs from what it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, cast

from .branches import OPAQUE, Branch, accepts, exact, format_of, matches, text
from .phrases import bound, described, field
from .walk import Schema

_WIDER_FORMAT: Final = {f"uuid{version}": "uuid" for version in (1, 3, 4, 5, 6, 7, 8)}


class Difference(NamedTuple):
    """One difference."""

    part: str
    """Where: `.lines[].text`, empty for the whole."""
    rule: str
    old: str = ""
    new: str = ""


class Inner(NamedTuple):
    """Schemas within, which are to be compared, too."""

    part: str
    old: Any
    new: Any


_NUMBERS: Final[dict[tuple[Any, Any], str]] = {
    ("integer", "number"): "type-widened",
    ("number", "integer"): "type-narrowed",
}

Found = Iterator[Difference | Inner]


def compare(old: Branch, new: Branch, *, sent: bool, is_same: Callable[[Any, Any], bool]) -> Found:
    """How one alternative differs from what it was. `is_same` says whether two schemas mean the same; `sent` that the
    server makes the values."""
    if "enum" in old.node or "enum" in new.node:
        yield from _compare_values(old, new, is_same)
        return
    kinds = old.node.get("type"), new.node.get("type")
    if kinds[0] != kinds[1]:
        rule = _NUMBERS.get(kinds)
        rule = rule or ("type-narrowed" if kinds[0] is None else "type-widened" if kinds[1] is None else "type-changed")
        yield Difference("", rule, described(old), described(new))
    yield from _compare_conditions(old.node, new.node, is_same)
    yield from _compare_bounds(old.node, new.node)
    yield from _compare_strings(old.node, new.node)
    yield from _compare_items(old.node, new.node)
    yield from _compare_fields(old.node, new.node, sent=sent)


def _compare_values(old: Branch, new: Branch, is_same: Callable[[Any, Any], bool]) -> Found:
    yield from _compare_conditions(old.node, new.node, is_same)
    if old.family == new.family:
        before, after = ({text(value): value for value in each.node["enum"]} for each in (old, new))
        yield from (Difference("", "value-removed", old=value) for value in before if value not in after)
        yield from (Difference("", "value-added", new=value) for value in after if value not in before)
    elif takes_in(old, new):
        rule = "values-opened" if old.family == "enum" else "values-closed"
        yield Difference("", rule, described(old), described(new))
    else:
        yield Difference("", "type-changed", described(old), described(new))


def _compare_conditions(old: Schema, new: Schema, is_same: Callable[[Any, Any], bool]) -> Found:
    for keyword in OPAQUE:
        if keyword not in new and keyword in old:
            yield Difference("", "condition-removed", old=keyword)
        elif keyword not in old and keyword in new:
            yield Difference("", "condition-added", new=keyword)
        elif keyword in old and not is_same({keyword: old[keyword]}, {keyword: new[keyword]}):
            yield Difference("", "undecided", new=keyword)


def _compare_fields(old: Schema, new: Schema, *, sent: bool) -> Found:
    known, given = (cast("dict[str, Any]", each.get("properties", {})) for each in (old, new))
    needed, wanted = (frozenset(cast("list[str]", each.get("required", ()))) for each in (old, new))
    for name in sorted({*known, *given, *needed, *wanted}):
        part = field(name)
        is_added, is_removed = name in given and name not in known, name in known and name not in given
        if is_added:
            yield from _added(part, given[name], old, name, is_wanted=name in wanted, sent=sent)
        elif is_removed:
            yield from _removed(part, known[name], new, name, sent=sent)
        elif name in known:
            yield Inner(part, known[name], given[name])
            if not sent:
                yield from _compare_defaults(part, known[name], given[name])
        if name in wanted and name not in needed and not (is_added and sent):
            yield Difference(part, "field-required")
        elif name in needed and name not in wanted and not is_removed:
            yield Difference(part, "field-optional")
    yield from _compare_others(old, new, sent=sent)
    yield from _compare_keys(old, new)


def _compare_defaults(part: str, old: Any, new: Any) -> Found:
    before, after = _schema(old), _schema(new)
    if "default" in before and "default" in after and text(before["default"]) != text(after["default"]):
        yield Difference(part, "default-changed", text(before["default"]), text(after["default"]))


def _added(part: str, schema: Any, old: Schema, name: str, *, is_wanted: bool, sent: bool) -> Found:
    """A field that old schemas do not name."""
    others = old.get("additionalProperties")
    matching = _matching(old, name)
    if sent and others is False and not matching:
        yield Difference(part, "field-unexpected")
    elif sent or not is_wanted:
        yield Difference(part, "field-added")
    # Where unknown fields are ignored nobody is supposed to send any, so the new one meets nothing of that name.
    if others is None and name in old.get("required", ()):
        others = True
    for before in matching or ([] if others in (None, False) else [others]):
        yield Inner(part, before, schema)


def _removed(part: str, schema: Any, new: Schema, name: str, *, sent: bool) -> Found:
    """A field that new schemas do not name."""
    others = _others(new)
    matching = _matching(new, name)
    if not sent and others is False and not matching:
        yield Difference(part, "field-refused")
        return
    yield Difference(part, "field-removed")
    if not sent:
        for after in matching or ([] if others is True else [others]):
            yield Inner(part, schema, after)


def _compare_others(old: Schema, new: Schema, *, sent: bool) -> Found:
    before, after = (_others(each) for each in (old, new))
    if sent and "properties" in new and "additionalProperties" not in new:
        # The server ignores what it does not know, and writes only what it knows.
        return
    if before is False and after is not False:
        yield Difference("", "others-accepted")
    elif after is False and before is not False:
        yield Difference("", "others-refused")
    elif before is not after:
        yield Inner("{}", before, after)


def takes_in(old: Branch, new: Branch) -> bool:
    """Whether one is values and the other accepts all of them."""
    certain, other = (old, new) if "enum" in old.node else (new, old)
    return all(accepts(other.node, value) for value in certain.node["enum"])


def _compare_bounds(old: Schema, new: Schema) -> Found:
    pairs = [
        (_lower(old), _lower(new), 1, ""),
        (_upper(old), _upper(new), -1, ""),
        *((_plain(old, f"min{what}"), _plain(new, f"min{what}"), 1, what) for what in _MEASURES),
        *((_plain(old, f"max{what}"), _plain(new, f"max{what}"), -1, what) for what in _MEASURES),
    ]
    for before, after, sign, what in pairs:
        if before != after:
            is_tighter = before is None or (after is not None and after > before)
            rule = "bounds-tightened" if is_tighter else "bounds-loosened"
            yield Difference("", rule, bound(before, sign, what), bound(after, sign, what))
    step, next_step = (_step(each) for each in (old, new))
    if step != next_step and ("multipleOf" in old or "multipleOf" in new):
        if step is None or (next_step is not None and next_step % step == 0):
            rule = "multiple-tightened"
        else:
            rule = "multiple-loosened" if next_step is None or step % next_step == 0 else "multiple-changed"
        yield Difference("", rule, *(str(each.get("multipleOf", "anything")) for each in (old, new)))


_MEASURES: Final = ("Length", "Items", "Properties")


def _lower(node: Schema) -> tuple[float, bool] | None:
    """The least number and whether it is excluded; greater is tighter."""
    found = [(node[word], word == "exclusiveMinimum") for word in ("minimum", "exclusiveMinimum") if word in node]
    if not found:
        return None
    value, is_open = max(found)
    return (value + 1, False) if is_open and _is_whole(node, value) else (value, is_open)


def _upper(node: Schema) -> tuple[float, bool] | None:
    """The greatest number with its sign turned, so that greater is tighter, too."""
    found = [(-node[word], word == "exclusiveMaximum") for word in ("maximum", "exclusiveMaximum") if word in node]
    if not found:
        return None
    value, is_open = max(found)
    return (value + 1, False) if is_open and _is_whole(node, value) else (value, is_open)


def _is_whole(node: Schema, value: float) -> bool:
    return node.get("type") == "integer" and isinstance(value, int)


def _plain(node: Schema, keyword: str) -> tuple[float, bool] | None:
    value = node.get(keyword)
    if value is None or (value == 0 and keyword.startswith("min")):
        return None
    return (value if keyword.startswith("min") else -value, False)


def _step(node: Schema) -> Any:
    if "multipleOf" in node:
        return exact(node["multipleOf"])
    return exact(1) if node.get("type") == "integer" else None


def _compare_strings(old: Schema, new: Schema) -> Found:
    for keyword, before, after in (
        ("pattern", old.get("pattern"), new.get("pattern")),
        ("format", format_of(old), format_of(new)),
    ):
        if before == after:
            continue
        added, removed = ("added", "removed") if keyword == "pattern" else ("tightened", "loosened")
        if before is None or (keyword == "format" and _WIDER_FORMAT.get(str(after)) == before):
            change = added
        elif after is None or (keyword == "format" and _WIDER_FORMAT.get(before) == after):
            change = removed
        else:
            change = "changed"
        yield Difference("", f"{keyword}-{change}", before or "any string", after or "any string")


def _compare_items(old: Schema, new: Schema) -> Found:
    firsts = [cast("list[Any]", each.get("prefixItems", [])) for each in (old, new)]
    rests = [each.get("items", True) for each in (old, new)]
    places = max(map(len, firsts))
    longest = min((each["maxItems"] for each in (old, new) if "maxItems" in each), default=None)
    for place in range(places if longest is None else min(places, longest)):
        before, after = (
            first[place] if place < len(first) else rest for first, rest in zip(firsts, rests, strict=True)
        )
        yield Inner(f"[{place}]", before, after)
    if longest is None or longest > places:
        yield Inner("[]", *rests)
    unique = [each.get("uniqueItems", False) for each in (old, new)]
    if unique[0] != unique[1]:
        yield Difference("", "unique-added" if unique[1] else "unique-removed")


def _compare_keys(old: Schema, new: Schema) -> Found:
    before, after = (cast("dict[str, Any]", each.get("patternProperties", {})) for each in (old, new))
    if before.keys() == after.keys():
        yield from (Inner(f"{{{pattern}}}", before[pattern], after[pattern]) for pattern in sorted(before))
    elif not before:
        yield Difference("", "keys-tightened")
        yield from (Inner(f"{{{pattern}}}", _others(old), after[pattern]) for pattern in sorted(after))
    elif not after:
        yield Difference("", "keys-loosened")
        yield from (Inner(f"{{{pattern}}}", before[pattern], _others(new)) for pattern in sorted(before))
    else:
        yield Difference("", "keys-changed")
    if "propertyNames" in old and "propertyNames" in new:
        yield Inner("(keys)", old["propertyNames"], new["propertyNames"])
    elif "propertyNames" in new:
        yield Difference("", "keys-tightened")
    elif "propertyNames" in old:
        yield Difference("", "keys-loosened")


def _schema(given: Any) -> Schema:
    return cast("Schema", given) if isinstance(given, dict) else {}


def _others(node: Schema) -> Any:
    return node.get("additionalProperties", True)


def _matching(node: Schema, name: str) -> list[Any]:
    patterns = cast("dict[str, Any]", node.get("patternProperties", {}))
    return [schema for pattern, schema in patterns.items() if matches(pattern, name)]
