"""The types of the TypeScript client, from the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .contract import Contract
from .tstypes import INDENT, WIDTH, Types, comment, key, literal, notes

# fmt: off
_RESERVED: Final = frozenset({
    "any", "arguments", "await", "bigint", "boolean", "break", "case", "catch", "class", "const", "continue",
    "debugger", "default", "delete", "do", "else", "enum", "eval", "export", "extends", "false", "finally", "for",
    "function", "if", "implements", "import", "in", "instanceof", "interface", "let", "never", "new", "null",
    "number", "object", "package", "private", "protected", "public", "return", "static", "string", "super",
    "switch", "symbol", "this", "throw", "true", "try", "type", "typeof", "undefined", "unknown", "var", "void",
    "while", "with", "yield",
})
# fmt: on


def render(contract: Contract, *, source: str) -> str:
    """The file: an interface for each namespace, which `MicroSocket<...>` takes, and the types that it uses.

    `source` is the application as it is named on the command line. The same contract gives the same text.
    """
    return "\n".join(_File(contract).lines(source)) + "\n"


class _File:
    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        taken: set[str] = set()
        self._names = {name: _free(name, taken, "_") for name in contract["schemas"]}
        self._namespaces = {
            path: _free(namespace["name"], taken, "Contract") for path, namespace in contract["namespaces"].items()
        }
        self._params = {
            path: _free(f"{self._namespaces[path]}Params", taken, "_")
            for path, namespace in contract["namespaces"].items()
            if "params" in namespace
        }
        self._types = Types(contract["schemas"], self._names)

    def lines(self, source: str) -> Iterator[str]:
        yield f"// What {source} and its clients say to each other. Do not edit it; write it anew with:"
        yield f"// microsockets client {source} --lang typescript -o FILE"
        for path, namespace in self._contract["namespaces"].items():
            yield ""
            yield from self._namespace(path, namespace)
        for path, name in self._params.items():
            schema = self._contract["namespaces"][path]["params"]
            yield ""
            yield from comment([f"What connecting to `{path}` takes: in the path, in the query, or with `auth`."], "")
            yield f"export type {name} = {self._types.write(schema, '')};".replace("= \n", "=\n")
        for name, schema in self._contract["schemas"].items():
            yield ""
            yield from self._types.declare(self._names[name], schema)

    def _namespace(self, path: str, namespace: Mapping[str, Any]) -> Iterator[str]:
        about = namespace.get("description", "").splitlines()
        yield from comment([*about, *([""] if about else []), f"At `{path}`."], "")
        yield f"export interface {self._namespaces[path]} {{"
        yield from self._events("in", namespace["in"], self._incoming)
        yield from self._events("out", namespace["out"], self._outgoing)
        yield from self._events("asks", namespace["asks"], self._asked)
        yield "}"

    def _events(self, direction: str, events: Mapping[str, Any], write: Any) -> Iterator[str]:
        if not events:
            yield f"{INDENT}{direction}: {{}};"
            return
        yield f"{INDENT}{direction}: {{"
        for name, event in events.items():
            yield from comment(notes({"description": event.get("description", "")}), INDENT * 2)
            yield f"{INDENT * 2}{key(name)}: {write(event, len(key(name)))};".replace(": \n", ":\n")
        yield f"{INDENT}}};"

    def _incoming(self, event: Mapping[str, Any], before: int) -> str:
        fields: list[tuple[str, Any]] = []
        if "payload" in event:
            fields.append(("payload?" if event.get("optional") else "payload", event["payload"]))
        fields += [(part, event[part]) for part in ("answer", "item") if part in event]
        failures = [
            {"code": literal(code), **({"details": each["details"]} if "details" in each else {})}
            for code, each in event.get("errors", {}).items()
        ]
        return self._fields(fields, failures, before)

    def _asked(self, event: Mapping[str, Any], before: int) -> str:
        return self._fields([(part, event[part]) for part in ("payload", "answer") if part in event], [], before)

    def _outgoing(self, event: Mapping[str, Any], before: int) -> str:
        if "payload" not in event:
            return "undefined"
        return self._types.write(event["payload"], INDENT * 2, before=before + 3)

    def _fields(self, fields: list[tuple[str, Any]], failures: list[dict[str, Any]], before: int) -> str:
        """The parts of an event, in one line if they fit into it."""
        deeper = INDENT * 3
        parts = [(name, self._types.write(schema, deeper, before=len(name) + 3)) for name, schema in fields]
        if failures:
            parts.append(("error", " | ".join(self._failure(each, deeper) for each in failures)))
        line = f"{{ {'; '.join(f'{name}: {part}' for name, part in parts)} }}" if parts else "{}"
        if len(INDENT * 2) + before + 3 + len(line) <= WIDTH and "\n" not in line:
            return line
        lines = [f"{deeper}{name}: {part};".replace(": \n", ":\n") for name, part in parts if name != "error"]
        if failures:
            each = [self._failure(failure, deeper + INDENT) for failure in failures]
            short = f"{deeper}error: {' | '.join(each)};"
            fits = len(short) <= WIDTH and "\n" not in short
            lines.append(
                short if fits else f"{deeper}error:\n" + "\n".join(f"{deeper}{INDENT}| {e}" for e in each) + ";"
            )
        return "\n".join(["{", *lines, f"{INDENT * 2}}}"])

    def _failure(self, failure: dict[str, Any], indent: str) -> str:
        details = f"; details: {self._types.write(failure['details'], indent)}" if "details" in failure else ""
        return f"{{ code: {failure['code']}{details} }}"


def _free(name: str, taken: set[str], suffix: str) -> str:
    """A name that TypeScript has no other use for, and that is not in the file yet."""
    free = name
    while free in taken or free in _RESERVED:
        free += suffix
    taken.add(free)
    return free
