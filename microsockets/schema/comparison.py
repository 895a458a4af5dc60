"""What is different between two schemas, and whether those who make values by one and those who read them by the other
still understand each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from .branches import KEYWORDS, Branch, accepts, branches, text
from .difference import Difference, compare, takes_in
from .phrases import described, listed
from .rules import effect
from .walk import Schema, references, rewrite

_SEEN_OFTEN: Final = 50
"""Times that one pair of models is told about in one payload, which may have it at more places than one can count."""


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
        before, after = bare(old), bare(new)
        return self._settled(lambda: self._try(before, after))

    # Deciding

    def _settled(self, question: Callable[[], bool]) -> bool:
        # Schemas may contain themselves. A pair that is looked at already is assumed to fit; once one that was assumed
        # turns out not to, all that was built upon it is looked at again.
        while True:
            refuted = len(self._refuted)
            self._assumed.clear()
            found = question()
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
        for found in compare(old, new, sent=self._sent, is_same=self._is_same):
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
        is_any = [any(not branch.node for branch in each) for each in (olds, news)]
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
        for found in compare(old, new, sent=self._sent, is_same=self._is_same):
            if isinstance(found, Difference):
                yield found._replace(part=part + found.part)
            else:
                yield from self._walk(found.old, found.new, part + found.part)
        self._open_nodes.discard(pair)

    def _covers(self, maker: Branch, readers: list[Branch]) -> bool:
        return self._settled(lambda: self._is_covered(maker, readers))

    def _covers_pair(self, old: Branch, new: Branch) -> bool:
        return self._settled(lambda: self._node_fits(old, new))

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
        pair(lambda old, new: "enum" in (old.family, new.family) and takes_in(old, new))
        return pairs, old_rest, new_rest


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
