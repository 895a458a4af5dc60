"""From a contract to AsyncAPI 3.0 (https://www.asyncapi.com/docs/reference/specification/v3.0.0)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from ..paths import Path
from ..protocol.frames import MAX_ID
from ..status import ErrorCode
from .contract import Contract
from .definitions import REFERENCE
from .walk import Schema, rewrite

_SCHEMAS: Final = "#/components/schemas/"
_ID: Final = {"type": "integer", "minimum": 0, "maximum": MAX_ID}
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_\-]+")
_FAILURE: Final = "microsockets.Error"
"""A name that no class has."""
_AUTH: Final = {
    "type": "httpApiKey",
    "name": "Sec-WebSocket-Protocol",
    "in": "header",
    "description": (
        "An entry `microsockets.auth.<data>` beside `microsockets.v1`, where the data is JSON in unpadded base64url. "
        "Cookies and other headers are the application's own affair."
    ),
}

Document = dict[str, Any]


def asyncapi(
    contract: Contract,
    *,
    examples: Mapping[str, Any] | None = None,
    server: Mapping[str, str] | None = None,
) -> Document:
    """The contract as AsyncAPI sees it: what the application receives and sends, as whole frames.

    `examples` are payloads by path, direction and event; see `microsockets.schema.samples`. `server` has `host`,
    `protocol` and perhaps `pathname`.
    """
    writer = _Writer(contract, examples or {})
    for path, namespace in contract["namespaces"].items():
        writer.add(path, namespace)
    document: Document = {
        "asyncapi": "3.0.0",
        "info": {"title": contract["title"] or "Application", "version": contract["version"] or "0.1.0"},
        "defaultContentType": "application/json",
    }
    if server is not None:
        document["servers"] = {"this": dict(server)}
    document["channels"] = writer.channels
    document["operations"] = writer.operations
    document["components"] = {
        "schemas": {
            **{name: _moved(schema) for name, schema in contract["schemas"].items()},
            **_framework_schemas(),
        },
        "messages": writer.messages,
        "securitySchemes": {"auth": dict(_AUTH)},
    }
    return document


class _Keys:
    """Keys that AsyncAPI allows, made from names of any kind; none of them twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def make(self, *parts: str) -> str:
        wanted = ".".join(_UNSAFE.sub("_", part) for part in parts)
        key, number = wanted, 2
        while key in self._taken:
            key, number = f"{wanted}_{number}", number + 1
        self._taken.add(key)
        return key


class _Writer:
    """Collects channels, operations and messages."""

    def __init__(self, contract: Contract, examples: Mapping[str, Any]) -> None:
        self._schemas: dict[str, Schema] = contract["schemas"]
        self._examples = examples
        self._keys = _Keys()
        self.channels: dict[str, Any] = {}
        self.operations: dict[str, Any] = {}
        self.messages: dict[str, Any] = {}

    def add(self, path: str, namespace: Mapping[str, Any]) -> None:
        """Adds a namespace as a channel."""
        key = self._keys.make(namespace["name"])
        parameters, query = self._parameters(path, namespace)
        channel = _Channel(key, is_guarded="params" in namespace, examples=self._examples.get(path, {}))
        for event, incoming in namespace["in"].items():
            channel.receive(event, incoming)
        for event, outgoing in namespace["out"].items():
            channel.send(event, outgoing)
        for event, asked in namespace["asks"].items():
            channel.ask(event, asked)
        self.channels[key] = {
            "address": path,
            "title": namespace["name"],
            **_texts(namespace),
            "messages": {each: {"$ref": f"#/components/messages/{key}.{each}"} for each in channel.messages},
            **({"parameters": parameters} if parameters else {}),
            "bindings": {"ws": {"method": "GET", **({"query": query} if query else {}), "bindingVersion": "0.1.0"}},
        }
        self.operations |= {f"{key}.{each}": operation for each, operation in channel.operations.items()}
        self.messages |= {f"{key}.{each}": message for each, message in channel.messages.items()}

    def _parameters(self, path: str, namespace: Mapping[str, Any]) -> tuple[dict[str, Any], Schema | None]:
        """Those of the path, and the schema of the query."""
        params = self._resolved(namespace.get("params"))
        known = cast("dict[str, Schema]", params.get("properties", {}))
        names = Path(path, path).names
        of_path = {name: _parameter(self._resolved(known.get(name))) for name in names}
        query = {name: _moved(schema) for name, schema in known.items() if name not in of_path}
        if not query:
            return of_path, None
        required = [name for name in params.get("required", ()) if name in query]
        return of_path, {"type": "object", "properties": query, **({"required": required} if required else {})}

    def _resolved(self, schema: Schema | None) -> Schema:
        while schema is not None and "$ref" in schema:
            siblings = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
            schema = {**self._schemas[schema["$ref"].removeprefix(REFERENCE)], **siblings}
        return schema if isinstance(schema, dict) else {}


class _Channel:
    """The operations of one namespace and their messages."""

    def __init__(self, key: str, *, is_guarded: bool, examples: Mapping[str, Any]) -> None:
        self._reference = f"#/channels/{key}"
        self._security = {"security": [{"$ref": "#/components/securitySchemes/auth"}]} if is_guarded else {}
        self._examples = examples
        self._keys = _Keys()
        self.operations: dict[str, Any] = {}
        self.messages: dict[str, Any] = {}

    def receive(self, event: str, incoming: Mapping[str, Any]) -> None:
        """What a client sends, and the frames that answer it."""
        key = self._keys.make("receive", event)
        self._event(key, event, incoming, "in", {"id": _ID}, ["event"])
        self._answers(key, incoming)
        self._add(f"{key}.error", event, "error", {"ack": _ID, "error": _failure(incoming.get("errors", {}))})
        self._operate(key, "receive", incoming)

    def send(self, event: str, outgoing: Mapping[str, Any]) -> None:
        """What the server sends."""
        key = self._keys.make("send", event)
        self._event(key, event, outgoing, "out", {}, ["event"])
        self._operate(key, "send", outgoing)

    def ask(self, event: str, asked: Mapping[str, Any]) -> None:
        """What the server asks."""
        key = self._keys.make("ask", event)
        self._event(key, event, asked, "asks", {"id": _ID}, ["event", "id"])
        self._answers(key, asked)
        self._add(f"{key}.error", event, "error", {"ack": _ID, "error": {"$ref": f"{_SCHEMAS}{_FAILURE}"}})
        self._operate(key, "send", asked)

    def _answers(self, key: str, described: Mapping[str, Any]) -> None:
        event = self.messages[key]["title"]
        if "item" in described:
            self._add(f"{key}.item", event, "item", {"ack": _ID, "item": _moved(described["item"])})
            self._add(f"{key}.end", event, "end", {"ack": _ID})
        else:
            self._add(f"{key}.answer", event, "answer", {"ack": _ID, "payload": _moved(described["answer"])})

    def _event(
        self,
        key: str,
        event: str,
        described: Mapping[str, Any],
        direction: str,
        id: dict[str, Any],
        required: list[str],
    ) -> None:
        frame: dict[str, Any] = {"event": {"const": event}, **id}
        example: dict[str, Any] = {"event": event, **dict.fromkeys(id, 1)}
        examples = self._examples.get(direction, {})
        if "payload" in described:
            frame["payload"] = _moved(described["payload"])
            if not described.get("optional"):
                required = [*required, "payload"]
            if event in examples:
                example["payload"] = examples[event]
        self.messages[key] = {
            "name": event,
            "title": event,
            **_texts(described),
            "payload": {"type": "object", "properties": frame, "required": required},
        }
        if "payload" not in described or event in examples:
            self.messages[key]["examples"] = [{"payload": example}]

    def _add(self, key: str, event: str, part: str, properties: dict[str, Any]) -> None:
        self.messages[key] = {
            "name": f"{event} {part}",
            "title": f"{event}: {part}",
            "payload": {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                # An end is told from an item by what it does not have.
                **({"additionalProperties": False} if part == "end" else {}),
            },
        }

    def _operate(self, key: str, action: str, described: Mapping[str, Any]) -> None:
        operation: dict[str, Any] = {
            "action": action,
            "channel": {"$ref": self._reference},
            "title": self.messages[key]["title"],
            **_texts(described),
            **self._security,
            "messages": [{"$ref": f"{self._reference}/messages/{key}"}],
        }
        replies = [each for each in self.messages if each.startswith(f"{key}.")]
        if replies:
            operation["reply"] = {
                "channel": {"$ref": self._reference},
                "messages": [{"$ref": f"{self._reference}/messages/{each}"} for each in replies],
            }
        self.operations[key] = operation


def _failure(errors: Mapping[str, Any]) -> Schema:
    framework: Schema = {"$ref": f"{_SCHEMAS}{_FAILURE}"}
    own = [
        {
            "type": "object",
            **_texts(error),
            "properties": {
                "code": {"const": code},
                "message": {"type": "string"},
                **({"details": _moved(error["details"])} if "details" in error else {}),
            },
            "required": ["code", "message"],
        }
        for code, error in errors.items()
    ]
    return {"anyOf": [*own, framework]} if own else framework


def _framework_schemas() -> dict[str, Schema]:
    problem = {
        "type": "object",
        "properties": {
            "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
            "msg": {"type": "string"},
            "type": {"type": "string"},
        },
        "required": ["loc", "msg", "type"],
    }
    wait = {"type": "object", "properties": {"retry_after": {"type": "number"}}, "required": ["retry_after"]}
    return {
        _FAILURE: {
            "description": "One of the framework's own errors.",
            "type": "object",
            "properties": {
                "code": {"enum": [code.value for code in ErrorCode]},
                "message": {"type": "string"},
                "details": {
                    "description": "Of `invalid_payload` its problems, of `rate_limited` and `overloaded` a time.",
                    "anyOf": [{"type": "array", "items": problem}, wait, {}],
                },
            },
            "required": ["code", "message"],
        }
    }


def _texts(described: Mapping[str, Any]) -> dict[str, str]:
    text = described.get("description")
    if not text:
        return {}
    summary = text.partition("\n\n")[0].replace("\n", " ")
    return {"summary": summary, "description": text} if "name" not in described else {"description": text}


def _parameter(schema: Schema) -> dict[str, Any]:
    parameter: dict[str, Any] = {}
    if isinstance(schema.get("description"), str):
        parameter["description"] = schema["description"]
    for keyword in ("enum", "examples"):
        if keyword in schema:
            parameter[keyword] = [str(each) for each in schema[keyword]]
    if "default" in schema:
        parameter["default"] = str(schema["default"])
    return parameter


def _moved(schema: Any) -> Any:
    """With references to where AsyncAPI has them, and with the tuples of JSON Schema draft 7, which it is built on."""

    def move(each: Schema) -> Schema:
        if "prefixItems" in each:
            rest = each.pop("items", None)
            each["items"] = each.pop("prefixItems")
            if rest is not None:
                each["additionalItems"] = rest
        reference = each.get("$ref")
        if isinstance(reference, str):
            each["$ref"] = _SCHEMAS + reference.removeprefix(REFERENCE)
        return each

    return rewrite(schema, move)
