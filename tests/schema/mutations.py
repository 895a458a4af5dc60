"""Contracts and what may become of them: types at random, and their schemas with a few changes."""

from __future__ import annotations

import copy
import json
from typing import Any, NamedTuple

from hypothesis import strategies as st
from microsockets.payloads import Codec
from microsockets.schema.definitions import REFERENCE, Definitions, Mode, Use
from microsockets.schema.walk import Schema, references, rewrite, subschemas

from tests.schema.types import types


class Document(NamedTuple):
    """A schema with those that it refers to."""

    root: Any
    shared: dict[str, Schema]

    def contract(self) -> dict[str, Any]:
        """Of an application where clients send it and the server does, too."""
        events: dict[str, Any] = {
            "name": "Chat",
            "in": {"say": {"payload": self.root, "answer": {"type": "null"}}},
            "out": {"said": {"payload": self.root}},
            "asks": {},
        }
        return {"microsockets": 1, "title": "", "version": "", "namespaces": {"/": events}, "schemas": self.shared}

    def copy(self) -> Document:
        """One that may be changed."""
        return Document(*json.loads(json.dumps([self.root, self.shared])))


def _document(annotation: Any, mode: Mode, is_closed: bool) -> Document:
    adapter = Codec[Any](annotation).adapter
    definitions = Definitions([Use("here", None, adapter, mode)], strict=False)
    shared = definitions.shared

    def plain(schema: Schema) -> Schema:
        schema.pop("title", None)
        if "properties" in schema:
            schema.pop("additionalProperties", None)
            return {**schema, "additionalProperties": False} if is_closed else schema
        return schema

    # The names of models are other ones each time that one is made.
    root: Any = rewrite(definitions.schema(adapter, mode), plain)
    names: dict[str, str] = {}
    waiting = [root]
    while waiting:
        for name in references(waiting.pop(0)):
            if name not in names:
                names[name] = f"Shared{len(names)}"
                waiting.append(rewrite(shared[name], plain))

    def rename(schema: Schema) -> Schema:
        if "$ref" in schema:
            schema["$ref"] = REFERENCE + names[schema["$ref"].removeprefix(REFERENCE)]
        return schema

    return Document(
        rewrite(root, rename), {new: rewrite(rewrite(shared[old], plain), rename) for old, new in names.items()}
    )


documents: st.SearchStrategy[Document] = st.builds(
    _document, types, st.sampled_from(["validation", "serialization"]), st.booleans()
)

_LEAVES: list[Any] = [
    {"type": "string"},
    {"type": "integer"},
    {"type": "number", "minimum": 0},
    {"type": "null"},
    {"type": "string", "maxLength": 3},
    {"enum": ["a", 1, None]},
    {"const": "red"},
    {},
    False,
    {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
    {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
    {"type": "object", "properties": {"theField": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
    {"type": "object", "patternProperties": {"^the": {"type": "integer"}}},
]
_KEYWORDS: dict[str, list[Any]] = {
    "string": [
        ("minLength", [0, 1, 3]),
        ("maxLength", [0, 2, 9]),
        ("pattern", ["^a", "^[a-z]*$"]),
        ("format", ["uuid", "uuid4", "date", "binary"]),
        ("enum", [["a", "b"], ["b"], []]),
    ],
    "number": [
        ("minimum", [-3, 0, 0.5]),
        ("exclusiveMinimum", [-3, 0]),
        ("maximum", [3, 5]),
        ("exclusiveMaximum", [3, 0.5]),
        ("multipleOf", [1, 2, 0.5]),
        ("type", ["integer", "number", ["integer", "string"]]),
    ],
    "array": [
        ("minItems", [0, 1, 2]),
        ("maxItems", [0, 1, 2]),
        ("uniqueItems", [True, False]),
        ("items", _LEAVES),
        ("contains", [{"type": "integer"}]),
        ("prefixItems", [[], [{"type": "integer"}], [{}, {"type": "string"}]]),
    ],
    "object": [
        ("additionalProperties", [True, False, {"type": "integer"}, {"type": "number"}]),
        ("propertyNames", [{"pattern": "^[a-z]"}, {"enum": ["x", "theField"]}, {"maxLength": 3}]),
        ("patternProperties", [{"^the": {"type": "number"}}, {"^x": {}}, {}]),
        ("minProperties", [0, 1, 2]),
        ("maxProperties", [0, 1, 2]),
        ("required", [[], ["x"], ["theField"]]),
    ],
}


def _leaf(draw: st.DrawFn) -> Any:
    return copy.deepcopy(draw(st.sampled_from(_LEAVES)))


def _change(draw: st.DrawFn, node: Schema) -> None:
    """Changes a schema in place."""
    kind: Any = node.get("type")
    words = _KEYWORDS.get("number" if kind == "integer" else str(kind), [])
    choices = ["replace", "null", "member", "narrow", "anything"]
    if words:
        choices += ["keyword"] * 4 + ["drop"]
    for union in ("anyOf", "oneOf"):
        if node.get(union):
            choices += [f"less {union}", f"more {union}", f"turn {union}"]
    if node.get("properties"):
        choices += ["less", "needed"] * 2
    if kind == "object":
        choices += ["more"] * 2
    choice = draw(st.sampled_from(choices))
    if choice == "keyword":
        word, values = draw(st.sampled_from(words))
        node[word] = copy.deepcopy(draw(st.sampled_from(values)))
    elif choice == "drop":
        word = draw(st.sampled_from(sorted(node)))
        del node[word]
    elif choice == "less":
        del node["properties"][draw(st.sampled_from(sorted(node["properties"])))]
    elif choice == "needed":
        name = draw(st.sampled_from(sorted(node["properties"])))
        node["required"] = sorted({name} ^ set(node.get("required", ())))
    elif choice == "more":
        name = draw(st.sampled_from(["x", "theField", "more"]))
        node["properties"] = {**node.get("properties", {}), name: _leaf(draw)}
    elif choice.startswith("less "):
        node[choice[5:]].pop(draw(st.integers(0, len(node[choice[5:]]) - 1)))
    elif choice.startswith("more "):
        node[choice[5:]].append(_leaf(draw))
    elif choice.startswith("turn "):
        node[choice[5:]].reverse()
    else:
        whole = dict(node)
        node.clear()
        if choice == "replace":
            leaf = _leaf(draw)
            node.update(leaf if leaf is not False else {"not": {}})
        elif choice == "null":
            node["anyOf"] = [whole, {"type": "null"}]
        elif choice == "member":
            node[draw(st.sampled_from(["anyOf", "oneOf"]))] = [_leaf(draw), whole]
        elif choice == "narrow":
            more = [*_LEAVES, {"required": ["x"]}, {"minLength": 1}, {"minimum": 1}]
            node["allOf"] = [whole, copy.deepcopy(draw(st.sampled_from(more)))]


def _renamed(document: Document) -> Document:
    """The same with other names."""
    text = json.dumps([document.root, document.shared]).replace(REFERENCE, f"{REFERENCE}Other")
    root, shared = json.loads(text)
    return Document(root, {f"Other{name}": schema for name, schema in shared.items()})


@st.composite
def _plain(draw: st.DrawFn) -> Document:
    """One type and what constrains it, alone or in something."""
    node: Schema = {"type": draw(st.sampled_from(sorted(_KEYWORDS)))}
    for word, values in draw(st.lists(st.sampled_from(_KEYWORDS[node["type"]]), max_size=2)):
        node[word] = copy.deepcopy(draw(st.sampled_from(values)))
    inside: list[Any] = [
        node,
        {"type": "object", "properties": {"x": node}},
        {"type": "array", "items": node},
        {"anyOf": [node, {"type": "null"}]},
    ]
    return Document(draw(st.sampled_from(inside)), {})


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Document, Document]:
    """A document, and what it became: mostly with a few changes, and sometimes another one."""
    old = draw(st.one_of(_plain(), documents)).copy()
    if draw(st.integers(0, 9)) == 0:
        return old, draw(documents).copy()
    new = old.copy()
    for document in draw(st.sampled_from([[new], [new, new], [old], [old, new]])):
        nodes = [node for schema in (document.root, *document.shared.values()) for node in subschemas(schema)]
        _change(draw, draw(st.sampled_from(nodes)))
    if draw(st.integers(0, 3)) == 0:
        new = _renamed(new)
    return (old, new) if draw(st.booleans()) else (new, old)
