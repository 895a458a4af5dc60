"""What is different between two schemas, for those who send by one and those who read by the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from .branches import KEYWORDS, OPAQUE, Branch, accepts, branches, exact, format_of, matches, text
from .phrases import bound, described, field, listed
from .rules import effect
from .walk import Schema, references, rewrite

_SEEN_OFTEN: Final = 50
"""Times that one pair of models is told about in one payload, which may have it at more places than one can count."""

_WIDER_FORMAT: Final = {f"uuid{version}": "uuid" for version in (1, 3, 4, 5, 6, 7, 8)}


class Difference(NamedTuple):
    """One difference."""

    part: str
    """Where: `.lines[].text`, empty for the whole."""
    rule: str
    old: str = ""
    new: str = ""


class _Inner(NamedTuple):
    """Schemas within, which are to be compared, too."""

    part: str
    old: Any
    new: Any


_NUMBERS: Final[dict[tuple[Any, Any], str]] = {
    ("integer", "number"): "type-widened",
    ("number", "integer"): "type-narrowed",
}

_Found = Iterator[Difference | _Inner]


class Comparison:
    """Compares what clients send, or with `sent` what the server sends, before and after a change.

    Values are made by those who send: clients by the old schemas, the server by the new ones. They break something when
    the other side does not describe them. What cannot be decided counts as breaking.
    """

    def __init__(self, old: Mapping[str, Schema], new: Mapping[str, Schema], *, sent: bool) -> None:
        self._old = {name: bare(schema) for name, schema in old.items()}
        self._new = {name: bare(schema) for name, schema in new.items()}
        self._sent = sent
        self._same = _same_names(self._old, self._new)
        self._refuted: set[tuple[str, str]] = set()
        self._assumed: set[tuple[str, str]] = set()
        self._proven: set[tuple[str, str]] = set()
        self._open: set[tuple[str, str]] = set()
        self._open_nodes: set[tuple[str, str]] = set()
        self._seen: Counter[tuple[str, str]] = Counter()

    def differences(self, old: Any, new: Any) -> list[Difference]:
        """All of them, each once."""
        self._seen.clear()
        self._open.clear()
        self._open_nodes.clear()
        return list(dict.fromkeys(self._walk(bare(old), bare(new), "")))

    def fits(self, old: Any, new: Any) -> bool:
        """Whether nothing breaks."""
        return self._fits(bare(old), bare(new))

    # Deciding

    def _fits(self, old: Any, new: Any) -> bool:
        # Schemas may contain themselves. A pair that is looked at already is assumed to fit; once one that was assumed
        # turns out not to, all that was built upon it is looked at again.
        while True:
            refuted = len(self._refuted)
            self._assumed.clear()
            found = self._try(old, new)
            if len(self._refuted) == refuted:
                self._proven |= self._assumed
                return found

    def _try(self, old: Any, new: Any) -> bool:
        if self._is_same(old, new):
            return True
        pair = (text(old), text(new))
        if pair in self._refuted:
            return False
        if pair in self._proven or pair in self._assumed:
            return True
        self._assumed.add(pair)
        olds, news = branches(old, self._old), branches(new, self._new)
        makers, readers = (news, olds) if self._sent else (olds, news)
        if all(self._is_covered(maker, readers) for maker in makers):
            return True
        self._assumed.discard(pair)
        self._refuted.add(pair)
        return False

    def _is_covered(self, maker: Branch, readers: Sequence[Branch]) -> bool:
        if any(not reader.node or self._node_fits(*self._in_order(maker, reader)) for reader in readers):
            return True
        values: list[Any] = maker.node.get("enum", [])
        return bool(values) and all(any(accepts(reader.node, value) for reader in readers) for value in values)

    def _in_order(self, maker: Branch, reader: Branch) -> tuple[Branch, Branch]:
        return (reader, maker) if self._sent else (maker, reader)

    def _node_fits(self, old: Branch, new: Branch) -> bool:
        for found in self._compare(old, new):
            if isinstance(found, Difference):
                if effect(found.rule, sent=self._sent).breaking:
                    return False
            elif not self._try(found.old, found.new):
                return False
        return True

    def _is_same(self, old: Any, new: Any) -> bool:
        return text(old) == text(new) and self._same.issuperset(references(old))

    # Telling

    def _walk(self, old: Any, new: Any, part: str) -> Iterator[Difference]:
        pair = (text(old), text(new))
        if pair not in self._open and not self._is_same(old, new):
            self._open.add(pair)
            yield from self._walk_branches(branches(old, self._old), branches(new, self._new), part)
            self._open.discard(pair)

    def _walk_branches(self, olds: list[Branch], news: list[Branch], part: str) -> Iterator[Difference]:
        is_any = [len(each) == 1 and not each[0].node for each in (olds, news)]
        if is_any == [True, True]:
            return
        if any(is_any):
            yield Difference(part, "type-narrowed" if is_any[0] else "type-widened", listed(olds), listed(news))
            return
        pairs, old_rest, new_rest = self._paired(olds, news)
        several = max(len(olds), len(news)) - any(each.family == "null" for each in (*olds, *news)) > 1
        for old, new in pairs:
            yield from self._walk_pair(old, new, olds, news, part + (f"({described(new)})" if several else ""))
        is_one_each = len(old_rest) == len(new_rest) == 1
        if is_one_each and (not pairs or "null" not in (old_rest[0].family, new_rest[0].family)):
            yield from self._replaced(old_rest[0], new_rest[0], olds, news, part)
            return
        for old in old_rest:
            is_null = old.family == "null"
            if not self._sent and self._covers(old, news):
                yield Difference(part, "described-anew", described(old), listed(news))
            else:
                yield Difference(part, "null-removed" if is_null else "member-removed", described(old))
        for new in new_rest:
            is_null = new.family == "null"
            if self._sent and self._covers(new, olds):
                yield Difference(part, "described-anew", listed(olds), described(new))
            else:
                yield Difference(part, "null-added" if is_null else "member-added", "", described(new))

    def _replaced(
        self, old: Branch, new: Branch, olds: list[Branch], news: list[Branch], part: str
    ) -> Iterator[Difference]:
        maker, readers = (new, olds) if self._sent else (old, news)
        rule = "described-anew" if self._covers(maker, readers) else "type-changed"
        yield Difference(part, rule, described(old), described(new))

    def _walk_pair(
        self, old: Branch, new: Branch, olds: list[Branch], news: list[Branch], part: str
    ) -> Iterator[Difference]:
        maker, readers = (new, olds) if self._sent else (old, news)
        if not self._covers_pair(old, new) and self._covers(maker, readers):
            yield Difference(part, "described-anew", listed(olds), listed(news))
            return
        pair = (text(old.node), text(new.node))
        if pair in self._open_nodes or self._seen[pair] >= _SEEN_OFTEN:
            return
        if old.name and new.name:
            self._seen[pair] += 1
        self._open_nodes.add(pair)
        for found in self._compare(old, new):
            if isinstance(found, Difference):
                yield found._replace(part=part + found.part)
            else:
                yield from self._walk(found.old, found.new, part + found.part)
        self._open_nodes.discard(pair)

    def _covers(self, maker: Branch, readers: list[Branch]) -> bool:
        return self._settled(lambda: self._is_covered(maker, readers))

    def _covers_pair(self, old: Branch, new: Branch) -> bool:
        return self._settled(lambda: self._node_fits(old, new))

    def _settled(self, question: Callable[[], bool]) -> bool:
        """The answer that does not rest on an assumption."""
        while True:
            refuted = len(self._refuted)
            self._assumed.clear()
            found = question()
            if len(self._refuted) == refuted:
                self._proven |= self._assumed
                return found

    def _paired(
        self, olds: list[Branch], news: list[Branch]
    ) -> tuple[list[tuple[Branch, Branch]], list[Branch], list[Branch]]:
        """Alternatives that became each other."""
        pairs: list[tuple[Branch, Branch]] = []
        old_rest, new_rest = list(olds), list(news)

        def pair(is_match: Callable[[Branch, Branch], bool]) -> None:
            for old in list(old_rest):
                new = next((each for each in new_rest if is_match(old, each)), None)
                if new is not None:
                    pairs.append((old, new))
                    old_rest.remove(old)
                    new_rest.remove(new)

        pair(lambda old, new: self._is_same(old.node, new.node))
        pair(lambda old, new: bool(old.name) and old.name == new.name and old.family == new.family)
        pair(lambda old, new: old.family == new.family == "object" and bool(old.tags) and old.tags == new.tags)
        pair(lambda old, new: old.family == new.family and self._covers_pair(old, new))
        pair(lambda old, new: old.family == new.family != "object")
        counts = [sum(each.family == "object" for each in rest) for rest in (old_rest, new_rest)]
        if counts == [1, 1]:
            pair(lambda old, new: old.family == new.family and not _have_other_tags(old, new))
        pair(lambda old, new: "enum" in (old.family, new.family) and _takes_in(old, new))
        return pairs, old_rest, new_rest

    # One alternative and another

    def _compare(self, old: Branch, new: Branch) -> _Found:
        if "enum" in old.node or "enum" in new.node:
            yield from self._compare_values(old, new)
            return
        kinds = old.node.get("type"), new.node.get("type")
        if kinds[0] != kinds[1]:
            rule = _NUMBERS.get(kinds)
            rule = rule or (
                "type-narrowed" if kinds[0] is None else "type-widened" if kinds[1] is None else "type-changed"
            )
            yield Difference("", rule, described(old), described(new))
            if rule == "type-changed":
                return
        yield from self._compare_conditions(old.node, new.node)
        yield from _compare_bounds(old.node, new.node)
        yield from _compare_strings(old.node, new.node)
        yield from _compare_items(old.node, new.node)
        yield from self._compare_fields(old.node, new.node)

    def _compare_values(self, old: Branch, new: Branch) -> _Found:
        yield from self._compare_conditions(old.node, new.node)
        if old.family == new.family:
            before, after = ({text(value): value for value in each.node["enum"]} for each in (old, new))
            yield from (Difference("", "value-removed", old=value) for value in before if value not in after)
            yield from (Difference("", "value-added", new=value) for value in after if value not in before)
        elif _takes_in(old, new):
            rule = "values-opened" if old.family == "enum" else "values-closed"
            yield Difference("", rule, described(old), described(new))
        else:
            yield Difference("", "type-changed", described(old), described(new))

    def _compare_conditions(self, old: Schema, new: Schema) -> _Found:
        for keyword in OPAQUE:
            if keyword not in new and keyword in old:
                yield Difference("", "condition-removed", old=keyword)
            elif keyword not in old and keyword in new:
                yield Difference("", "condition-added", new=keyword)
            elif keyword in old and not self._is_same({keyword: old[keyword]}, {keyword: new[keyword]}):
                yield Difference("", "undecided", new=keyword)

    def _compare_fields(self, old: Schema, new: Schema) -> _Found:
        known, given = (cast("dict[str, Any]", each.get("properties", {})) for each in (old, new))
        needed, wanted = (frozenset(cast("list[str]", each.get("required", ()))) for each in (old, new))
        for name in sorted({*known, *given, *needed, *wanted}):
            part = field(name)
            is_added, is_removed = name in given and name not in known, name in known and name not in given
            if is_added:
                yield from self._added(part, given[name], old, name, is_wanted=name in wanted)
            elif is_removed:
                yield from self._removed(part, known[name], new, name)
            elif name in known:
                yield _Inner(part, known[name], given[name])
                yield from self._compare_defaults(part, known[name], given[name])
            if name in wanted and name not in needed and not (is_added and self._sent):
                yield Difference(part, "field-required")
            elif name in needed and name not in wanted and not is_removed:
                yield Difference(part, "field-optional")
        yield from self._compare_others(old, new)
        yield from _compare_keys(old, new)

    def _compare_defaults(self, part: str, old: Any, new: Any) -> _Found:
        if self._sent or not isinstance(old, dict) or not isinstance(new, dict):
            return
        before, after = (cast("Schema", each) for each in (old, new))
        if "default" in before and "default" in after and text(before["default"]) != text(after["default"]):
            yield Difference(part, "default-changed", text(before["default"]), text(after["default"]))

    def _added(self, part: str, schema: Any, old: Schema, name: str, *, is_wanted: bool) -> _Found:
        """A field that old schemas do not name."""
        others = old.get("additionalProperties")
        matching = _matching(old, name)
        if self._sent and others is False and not matching:
            yield Difference(part, "field-unexpected")
        elif self._sent or not is_wanted:
            yield Difference(part, "field-added")
        # Where unknown fields are ignored nobody is supposed to send any, so the new one meets nothing of that name.
        if others is None and name in old.get("required", ()):
            others = True
        for before in matching or ([] if others in (None, False) else [others]):
            yield _Inner(part, before, schema)

    def _removed(self, part: str, schema: Any, new: Schema, name: str) -> _Found:
        """A field that new schemas do not name."""
        others = _others(new)
        matching = _matching(new, name)
        if not self._sent and others is False and not matching:
            yield Difference(part, "field-refused")
            return
        yield Difference(part, "field-removed")
        if not self._sent:
            for after in matching or ([] if others is True else [others]):
                yield _Inner(part, schema, after)

    def _compare_others(self, old: Schema, new: Schema) -> _Found:
        before, after = (_others(each) for each in (old, new))
        if self._sent and "properties" in new and "additionalProperties" not in new:
            # The server ignores what it does not know, and writes only what it knows.
            return
        if before is False and after is not False:
            yield Difference("", "others-accepted")
        elif after is False and before is not False:
            yield Difference("", "others-refused")
        elif before is not after:
            yield _Inner("{}", before, after)


def bare(schema: Any) -> Any:
    """Without documentation."""
    return rewrite(schema, lambda each: {word: value for word, value in each.items() if word in KEYWORDS})


def _same_names(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> set[str]:
    """The shared schemas that mean what they meant, and so do all that they refer to."""
    same = {name for name, schema in old.items() if name in new and text(schema) == text(new[name])}
    users: dict[str, set[str]] = {}
    for name in same:
        for other in references(old[name]):
            users.setdefault(other, set()).add(name)
    waiting = [name for name in users if name not in same]
    while waiting:
        for user in users.get(waiting.pop(), set()):
            if user in same:
                same.discard(user)
                waiting.append(user)
    return same


def _have_other_tags(old: Branch, new: Branch) -> bool:
    return any(new.tags.get(name, value) != value for name, value in old.tags.items())


def _takes_in(old: Branch, new: Branch) -> bool:
    """Whether one is values and the other accepts all of them."""
    certain, other = (old, new) if "enum" in old.node else (new, old)
    return all(accepts(other.node, value) for value in certain.node["enum"])


def _compare_bounds(old: Schema, new: Schema) -> _Found:
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


def _compare_strings(old: Schema, new: Schema) -> _Found:
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


def _compare_items(old: Schema, new: Schema) -> _Found:
    firsts = [cast("list[Any]", each.get("prefixItems", [])) for each in (old, new)]
    rests = [each.get("items", True) for each in (old, new)]
    places = max(map(len, firsts))
    longest = min((each["maxItems"] for each in (old, new) if "maxItems" in each), default=None)
    for place in range(places if longest is None else min(places, longest)):
        before, after = (
            first[place] if place < len(first) else rest for first, rest in zip(firsts, rests, strict=True)
        )
        yield _Inner(f"[{place}]", before, after)
    if longest is None or longest > places:
        yield _Inner("[]", *rests)
    unique = [each.get("uniqueItems", False) for each in (old, new)]
    if unique[0] != unique[1]:
        yield Difference("", "unique-added" if unique[1] else "unique-removed")


def _compare_keys(old: Schema, new: Schema) -> _Found:
    before, after = (cast("dict[str, Any]", each.get("patternProperties", {})) for each in (old, new))
    if before.keys() == after.keys():
        yield from (_Inner(f"{{{pattern}}}", before[pattern], after[pattern]) for pattern in sorted(before))
    elif not before:
        yield Difference("", "keys-tightened")
        yield from (_Inner(f"{{{pattern}}}", _others(old), after[pattern]) for pattern in sorted(after))
    elif not after:
        yield Difference("", "keys-loosened")
        yield from (_Inner(f"{{{pattern}}}", before[pattern], _others(new)) for pattern in sorted(before))
    else:
        yield Difference("", "keys-changed")
    if "propertyNames" in old and "propertyNames" in new:
        yield _Inner("(keys)", old["propertyNames"], new["propertyNames"])
    elif "propertyNames" in new:
        yield Difference("", "keys-tightened")
    elif "propertyNames" in old:
        yield Difference("", "keys-loosened")


def _others(node: Schema) -> Any:
    return node.get("additionalProperties", True)


def _matching(node: Schema, name: str) -> list[Any]:
    patterns = cast("dict[str, Any]", node.get("patternProperties", {}))
    return [schema for pattern, schema in patterns.items() if matches(pattern, name)]
