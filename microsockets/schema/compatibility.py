"""Whom a change of the contract breaks.

Clients that are out there were built for the old contract, and the server keeps the new one. What clients send has to
be accepted as before; what the server sends has to be what clients were told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, cast

from ..paths import Path, Paths
from .comparison import Comparison
from .contract import Contract
from .phrases import field
from .rules import effect
from .walk import Schema

_SOME_SEGMENT: Final = "\0"
_SHOWN: Final = 3


@dataclass(frozen=True)
class Change:
    """One difference between two contracts."""

    breaking: bool
    """Whether clients that were built for the old contract may fail."""
    namespace: str
    """Its path."""
    event: str
    """`in join`, `out joined`, `asks sure`; empty for what connects, and for the namespace itself."""
    part: str
    """`payload.lines[].text`; empty for the whole event."""
    what: str
    """The rest of a sentence that starts with the place."""
    rule: str
    """One of `RULES`."""

    @property
    def place(self) -> str:
        """`/chat/{room} in join payload.lines[].text`."""
        return " ".join(filter(None, (self.namespace, self.event, self.part)))


def compare(old: Contract, new: Contract) -> list[Change]:
    """All changes, safe and breaking, by path, direction, event and field, whatever the order of declarations is.

    Documentation and the names of shared schemas are no changes.
    """
    return list(dict.fromkeys(_Gate(old, new).changes()))


def report(changes: list[Change]) -> str:
    """The changes for a reviewer: breaking ones first, by namespace and event; the last line counts."""
    if not changes:
        return "No changes.\n"
    lines: list[str] = []
    counts: list[str] = []
    for is_breaking, title in ((True, "Breaking"), (False, "Safe")):
        found = [change for change in changes if change.breaking is is_breaking]
        counts.append(f"{len(found)} {title.lower()} change{'' if len(found) == 1 else 's'}")
        if found:
            lines += [f"{title}:", *_grouped(found), ""]
    return "\n".join([*lines, f"{', '.join(counts)}."]) + "\n"


def _grouped(changes: list[Change]) -> Iterator[str]:
    for (namespace, event), group in groupby(changes, lambda change: (change.namespace, change.event)):
        yield f"  {namespace} {event}".rstrip()
        # A field of a model that is there at several places is told about once.
        places: dict[tuple[str, str, str], list[str]] = {}
        for change in group:
            places.setdefault((change.part.rpartition(".")[2], change.what, change.rule), []).append(change.part)
        for (_, what, rule), parts in places.items():
            yield "    " + " ".join(filter(None, (_listed(parts), what, f"[{rule}]")))


def _listed(parts: list[str]) -> str:
    more = len(parts) - _SHOWN
    return ", ".join(parts) if more <= 0 else f"{', '.join(parts[:_SHOWN])} and {more} more"


class _Gate:
    """Compares two contracts."""

    def __init__(self, old: Contract, new: Contract) -> None:
        self._old: Mapping[str, Any] = old["namespaces"]
        self._new: Mapping[str, Any] = new["namespaces"]
        self._old_schemas: dict[str, Schema] = old["schemas"]
        self._taken = Comparison(self._old_schemas, new["schemas"], sent=False)
        self._sent = Comparison(self._old_schemas, new["schemas"], sent=True)
        self._new_schemas: dict[str, Schema] = new["schemas"]
        self._namespace = ""
        self._event = ""

    def changes(self) -> Iterator[Change]:
        """Of all namespaces."""
        olds = {Path(path, path).shape: path for path in self._old}
        news = {Path(path, path).shape: path for path in self._new}
        for shape in sorted({*olds, *news}):
            self._namespace, self._event = news.get(shape) or olds[shape], ""
            if shape not in news:
                yield self._change("namespace-removed")
            elif shape not in olds:
                yield self._new_namespace(self._namespace)
            else:
                yield from self._compare(olds[shape], news[shape])

    def _change(self, rule: str, part: str = "", old: str = "", new: str = "", *, sent: bool = False) -> Change:
        found = effect(rule, sent=sent)
        what = found.what.replace("{old}", old).replace("{new}", new)
        return Change(found.breaking, self._namespace, self._event, part, what, rule)

    def _new_namespace(self, path: str) -> Change:
        before = Paths[str]()
        for each in self._old:
            before.add(Path(each, each), each)
        names = Path(path, path).names
        found = before.find(path.format(**dict.fromkeys(names, _SOME_SEGMENT)))
        return self._change("namespace-shadows", old=found[0]) if found else self._change("namespace-added")

    def _compare(self, old_path: str, new_path: str) -> Iterator[Change]:
        old, new = self._old[old_path], self._new[new_path]
        if old_path != new_path:
            yield self._change("path-renamed", old=old_path)
        if old["name"] != new["name"]:
            yield self._change("namespace-renamed", old=old["name"], new=new["name"])
        yield from self._compare_params(old, new, Path(old_path, old_path).names, Path(new_path, new_path).names)
        for direction, compare_event in (("in", self._taken_event), ("out", self._sent_event), ("asks", self._ask)):
            kind, is_sent = ("ask", True) if direction == "asks" else ("event", direction == "out")
            for name in sorted({*old[direction], *new[direction]}):
                self._event = f"{direction} {name if name.isidentifier() else repr(name)}"
                if name not in new[direction]:
                    yield self._change(f"{kind}-removed", sent=is_sent)
                elif name not in old[direction]:
                    yield self._change(f"{kind}-added", sent=is_sent)
                else:
                    yield from compare_event(old[direction][name], new[direction][name])

    # What connects

    def _compare_params(
        self, old: Mapping[str, Any], new: Mapping[str, Any], old_names: list[str], new_names: list[str]
    ) -> Iterator[Change]:
        if "params" not in new:
            if "params" in old:
                yield self._change("params-removed", "params")
            return
        opened = _Opened(self._old_schemas, self._new_schemas, dict(zip(old_names, new_names, strict=True)))
        before = opened.params(old.get("params", {"type": "object", "properties": {}}), new["params"])
        yield from (self._change("path-name-taken", new=f"{{{name}}}") for name in opened.taken)
        for name in opened.loosened:
            yield self._change("type-widened", "params" + field(name), "of a narrower type", "any string")
        yield from self._schemas(before, new["params"], "params", sent=False)

    # Events

    def _taken_event(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        was_optional, is_optional = "payload" not in old or "optional" in old, "optional" in new
        if "payload" in new and was_optional and not is_optional:
            yield self._change("payload-required", "payload")
        elif "payload" in new and "payload" not in old:
            yield self._change("payload-added", "payload")
        elif "payload" in old and "payload" not in new:
            yield self._change("payload-removed", "payload")
        elif is_optional and not was_optional:
            yield self._change("payload-optional", "payload")
        if "payload" in old and "payload" in new:
            yield from self._schemas(old["payload"], new["payload"], "payload", sent=False)
        if ("item" in old) is not ("item" in new):
            yield self._change("answer-to-stream" if "item" in new else "stream-to-answer", "answer", sent=True)
        else:
            part = "item" if "item" in new else "answer"
            yield from self._schemas(old[part], new[part], part, sent=True)
        yield from self._errors(old.get("errors", {}), new.get("errors", {}))

    def _errors(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        for code in sorted({*old, *new}):
            if code not in new:
                yield self._change("error-removed", f"error {code}", sent=True)
            elif code not in old:
                yield self._change("error-added", f"error {code}", sent=True)
            elif "details" in old[code] and "details" in new[code]:
                yield from self._schemas(old[code]["details"], new[code]["details"], f"error {code} details", sent=True)
            elif "details" in old[code] or "details" in new[code]:
                rule = "details-added" if "details" in new[code] else "details-removed"
                yield self._change(rule, f"error {code} details", sent=True)

    def _sent_event(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        if "payload" in old and "payload" in new:
            yield from self._schemas(old["payload"], new["payload"], "payload", sent=True)
        elif "payload" in old or "payload" in new:
            yield self._change("payload-added" if "payload" in new else "payload-removed", "payload", sent=True)

    def _ask(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        yield from self._sent_event(old, new)
        yield from self._schemas(old["answer"], new["answer"], "answer", sent=False)

    def _schemas(self, old: Any, new: Any, part: str, *, sent: bool) -> Iterator[Change]:
        comparison = self._sent if sent else self._taken
        try:
            found = comparison.differences(old, new)
        except RecursionError:
            yield self._change("undecided", part, new="nested too deeply", sent=sent)
            return
        for each in found:
            yield self._change(each.rule, part + each.part, each.old, each.new, sent=sent)


class _Opened:
    """What clients that open a path send with it: what is in the path is there, and is a string."""

    def __init__(self, old: Mapping[str, Schema], new: Mapping[str, Schema], names: Mapping[str, str]) -> None:
        self._old = old
        self._new = new
        self._names = names
        self.taken: list[str] = []
        """Names that were given elsewhere and are in the path now."""
        self.loosened: list[str] = []
        """Names in the path that may be any string now."""

    def params(self, old: Any, new: Any) -> Any:
        """The old schema, as far as the path is concerned in the names and types of the new one."""
        after = _resolved(new, self._new)
        before = _resolved(old, self._old)
        if "properties" not in before or "properties" not in after:
            return old
        wanted = cast("dict[str, Any]", after["properties"])
        needed = cast("list[str]", after.get("required", []))
        fields = cast("dict[str, Any]", before["properties"])
        changed = {name: schema for name, schema in fields.items() if name not in self._names}
        required = [name for name in before.get("required", ()) if name not in self._names]
        for was, name in self._names.items():
            if name in changed:
                self.taken.append(name)
            if was in fields or name in wanted:
                changed[name] = fields.get(was, {"type": "string", "minLength": 1})
            if name in wanted and _is_any_string(wanted[name]) and changed[name] != wanted[name]:
                if not _is_any_string(changed[name]):
                    self.loosened.append(name)
                changed[name] = wanted[name]
            if name in needed:
                required.append(name)
        return {**before, "properties": changed, "required": required}


def _is_any_string(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return True
    given = cast("Schema", schema)
    return given.get("type") == "string" and given.get("minLength", 0) <= 1 and given.keys().isdisjoint(_LIMITS)


_LIMITS: Final = ("const", "enum", "format", "maxLength", "pattern", "allOf")


def _resolved(schema: Any, shared: Mapping[str, Schema]) -> Schema:
    """A model's own schema; empty for anything else."""
    given = cast("Schema", schema) if isinstance(schema, dict) else {}
    return shared.get(given["$ref"].rpartition("/")[2], {}) if "$ref" in given else given
