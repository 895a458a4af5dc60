"""The contract of an application: what each namespace takes, sends and asks, as one JSON document."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from ..errors import Error
from ..handlers import Handler
from ..namespace import Namespace
from ..payloads import Codec
from .definitions import ContractError, Definitions, Mode, Use, location
from .docstrings import attribute_docstrings
from .walk import Schema, reachable, references, rewrite

FORMAT: Final = 1
"""The version of the document's own form, in its key `microsockets`."""

Contract = dict[str, Any]
"""`{"microsockets": 1, "title", "version", "namespaces": {path: {...}}, "schemas": {name: schema}}`.

A namespace has `name`, and where there are any `description`, `params` (what `on_connect` takes), and by event `in`
(what clients send: `payload`, `optional`, `answer` or `item`, `errors`), `out` (what the server sends: `payload`) and
`asks` (its questions: `payload`, `answer`). Schemas are JSON Schema 2020-12; what is shared is referred to as
`#/schemas/Name`.
"""

_DOCUMENTATION: Final = ("title", "description", "examples", "example")


def read_contract(
    namespaces: Sequence[Namespace], *, title: str = "", version: str = "", strict: bool = True
) -> Contract:
    """The contract of these namespaces.

    `strict` raises `ContractError` for what a document that others build upon must not have: a payload without a type,
    a type that JSON Schema cannot express, two classes of one name. Without it such a type is anything, and such names
    are told apart by their modules.
    """
    if strict:
        _check(namespaces)
    reader = _Reader(namespaces, strict=strict)
    return {
        "microsockets": FORMAT,
        "title": title,
        "version": version,
        "namespaces": {each.path.template: reader.namespace(each) for each in namespaces if each.path is not None},
        "schemas": reader.shared,
    }


def undocumented(contract: Contract) -> Contract:
    """The contract without descriptions, titles and examples: what programs depend upon."""

    def strip(schema: Schema) -> Schema:
        return {keyword: value for keyword, value in schema.items() if keyword not in _DOCUMENTATION}

    def bare(value: Any) -> Any:
        return rewrite(value, strip)

    namespaces = {path: each_schema(_without_description(each), bare) for path, each in contract["namespaces"].items()}
    return {
        "microsockets": contract["microsockets"],
        "namespaces": namespaces,
        "schemas": {name: bare(schema) for name, schema in contract["schemas"].items()},
    }


def digests(contract: Contract) -> dict[str, str]:
    """Names the contract of each path: 16 hexadecimal digits, the same for the same meaning, whatever the documentation
    says."""
    bare = undocumented(contract)
    return {path: _digest(path, namespace, bare["schemas"]) for path, namespace in bare["namespaces"].items()}


def _digest(path: str, namespace: Mapping[str, Any], schemas: Mapping[str, Schema]) -> str:
    used: list[str] = []
    each_schema(namespace, lambda schema: used.extend(references(schema)))
    meant = [path, namespace, reachable(iter(used), schemas)]
    return hashlib.sha256(json.dumps(meant, sort_keys=True).encode()).hexdigest()[:16]


def each_schema(namespace: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """A copy of a namespace with its schemas changed."""
    copy = dict(namespace)
    if "params" in copy:
        copy["params"] = change(copy["params"])
    for direction in ("in", "out", "asks"):
        copy[direction] = {name: _change_event(event, change) for name, event in namespace[direction].items()}
    return copy


def _change_event(event: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    copy = dict(event)
    for key in ("payload", "answer", "item"):
        if key in copy:
            copy[key] = change(copy[key])
    if "errors" in copy:
        copy["errors"] = {
            code: {key: change(value) if key == "details" else value for key, value in error.items()}
            for code, error in copy["errors"].items()
        }
    return copy


def _without_description(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    described = cast("dict[str, Any]", part)
    copy = {key: value for key, value in described.items() if key != "description"}
    for direction in ("in", "out", "asks"):
        if direction in copy:
            copy[direction] = {name: _without_description(event) for name, event in copy[direction].items()}
    if "errors" in copy:
        copy["errors"] = {code: _without_description(error) for code, error in copy["errors"].items()}
    return copy


# Reading namespaces


class _Reader:
    """Reads the namespaces of one application."""

    def __init__(self, namespaces: Sequence[Namespace], *, strict: bool) -> None:
        self._docstrings = {type(each): attribute_docstrings(type(each)) for each in namespaces}
        self._params = {
            each: Codec[Any](each.declared.connect.payload_type)
            for each in namespaces
            if each.declared.connect is not None and each.declared.connect.payload_name is not None
        }
        self._definitions = Definitions(self._uses(namespaces), strict=strict)
        self.shared = self._definitions.shared

    def _uses(self, namespaces: Sequence[Namespace]) -> Iterator[Use]:
        for namespace in namespaces:
            declared = namespace.declared
            if namespace in self._params:
                place = f"{type(namespace).__qualname__}.on_connect"
                yield Use(place, type(namespace), self._params[namespace].adapter, "validation")
            for handler in declared.handlers.values():
                source = inspect.unwrap(handler.function)
                if handler.takes_payload:
                    yield Use(handler.where, source, handler.payload.adapter, "validation")
                yield Use(handler.where, source, handler.result.adapter, "serialization")
                for error in handler.options.raises:
                    yield Use(f"{error.__qualname__}.details", error, error.adapter(), "serialization")
            for event in declared.events.values():
                place = f"{event.owner_name}.{event.attribute}"
                yield Use(place, type(namespace), event.codec.adapter, "serialization")
            for ask in declared.asks.values():
                place = f"{ask.owner_name}.{ask.attribute}"
                yield Use(place, type(namespace), ask.question.adapter, "serialization")
                yield Use(place, type(namespace), ask.answer.adapter, "validation")

    def namespace(self, namespace: Namespace) -> dict[str, Any]:
        declared, cls = namespace.declared, type(namespace)
        described: dict[str, Any] = {"name": cls.__name__, **_documented(vars(cls).get("__doc__"))}
        if namespace in self._params:
            described["params"] = self._schema(self._params[namespace], "validation")
        texts = self._docstrings[cls]
        described["in"] = {name: self._incoming(each) for name, each in declared.handlers.items()}
        described["out"] = {
            name: {**_documented(texts.get(each.attribute) or each.description), **self._payload(each.codec)}
            for name, each in declared.events.items()
        }
        described["asks"] = {
            name: {
                **_documented(texts.get(each.attribute)),
                **self._payload(each.question),
                "answer": self._schema(each.answer, "validation"),
            }
            for name, each in declared.asks.items()
        }
        return described

    def _incoming(self, handler: Handler) -> dict[str, Any]:
        described = _documented(handler.function.__doc__)
        if handler.takes_payload:
            described["payload"] = self._schema(handler.payload, "validation")
            if handler.payload_is_optional:
                described["optional"] = True
        described["item" if handler.streams else "answer"] = self._schema(handler.result, "serialization")
        if handler.options.raises:
            described["errors"] = {error.code: self._error(error) for error in handler.options.raises}
        return described

    def _error(self, error: type[Error]) -> dict[str, Any]:
        described = _documented(vars(error).get("__doc__"))
        if error.adapter() is not Error.adapter():
            described["details"] = self._definitions.schema(error.adapter(), "serialization")
        return described

    def _payload(self, codec: Codec[Any]) -> dict[str, Any]:
        if codec.annotation in (None, type(None)):
            return {}
        return {"payload": self._schema(codec, "serialization")}

    def _schema(self, codec: Codec[Any], mode: Mode) -> Schema:
        return self._definitions.schema(codec.adapter, mode)


def _check(namespaces: Sequence[Namespace]) -> None:
    names: dict[str, type[Namespace]] = {}
    for namespace in namespaces:
        cls = type(namespace)
        other = names.setdefault(cls.__name__, cls)
        if other is not cls:
            raise ContractError(
                f"two namespaces are called {cls.__name__}: {_qualified(other)} and {_qualified(cls)}; rename one"
            )
        for handler in namespace.declared.handlers.values():
            _check_payload(handler)


def _check_payload(handler: Handler) -> None:
    assert handler.signature is not None
    name = handler.signature.payload_name
    if name is None:
        return
    parameter = inspect.signature(handler.function).parameters[name]
    if parameter.annotation is inspect.Parameter.empty:
        place = f"{handler.where}{location(inspect.unwrap(handler.function))}"
        raise ContractError(f"{place}: {name!r} has no type; annotate it with what the event carries, or with Any")


def _qualified(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}{location(cls)}"


def _documented(text: str | None) -> dict[str, Any]:
    return {"description": inspect.cleandoc(text)} if text and text.strip() else {}
