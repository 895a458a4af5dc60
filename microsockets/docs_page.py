"""The page at `docs_url`: what each namespace takes and sends, from the declarations; plain HTML without scripts."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Literal

from pydantic.errors import PydanticInvalidForJsonSchema

from .handlers import Handler
from .namespace import Namespace
from .payloads import Codec

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .875rem; }
pre { padding: .75rem; overflow-x: auto; border-radius: .5rem; }
pre { background: color-mix(in srgb, currentColor 7%, transparent); }
section { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); margin-top: 2rem; }
h3 { margin-bottom: .25rem; } small { opacity: .7; font-weight: normal; } p { margin: .25rem 0; }
"""

_Mode = Literal["validation", "serialization"]


def render(namespaces: Sequence[Namespace]) -> bytes:
    """The page, UTF-8."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Events</title><style>{_STYLE}</style><h1>Events</h1>",
    ]
    for namespace in namespaces:
        parts += _namespace(namespace)
    parts.append("</html>")
    return "\n".join(parts).encode()


def _namespace(namespace: Namespace) -> Iterable[str]:
    declared = namespace.declared
    assert namespace.path is not None
    path, name = escape(namespace.path.template), escape(type(namespace).__name__)
    yield f"<section><h2><code>{path}</code> <small>{name}</small></h2>"
    yield _doc(type(namespace))
    for name, handler in declared.handlers.items():
        yield f"<h3><code>{escape(name)}</code> <small>client to server</small></h3>{_doc(handler.function)}"
        yield from _handler(handler)
    for name, event in declared.events.items():
        yield f"<h3><code>{escape(name)}</code> <small>server to client</small></h3>"
        yield _schema("payload", event.codec, "serialization")
    for name, ask in declared.asks.items():
        yield f"<h3><code>{escape(name)}</code> <small>server asks client</small></h3>"
        yield _schema("question", ask.question, "serialization")
        yield _schema("answer", ask.answer, "validation")
    yield "</section>"


def _handler(handler: Handler) -> Iterable[str]:
    assert handler.signature is not None
    if handler.signature.payload_name is not None:
        yield _schema("payload", handler.payload, "validation")
    yield _schema("each item" if handler.streams else "answer", handler.result, "serialization")
    if handler.options.raises:
        codes = ", ".join(f"<code>{escape(error.code)}</code>" for error in handler.options.raises)
        yield f"<p>errors: {codes}</p>"


def _schema(label: str, codec: Codec[Any], mode: _Mode) -> str:
    if codec.annotation in (None, type(None)):
        return ""
    try:
        schema = codec.adapter.json_schema(mode=mode)
        details = f"<details><summary>schema</summary><pre>{escape(json.dumps(schema, indent=2))}</pre></details>"
        # The name says it all of a plain type.
        details = "" if schema.keys() <= {"type", "title"} else details
    except PydanticInvalidForJsonSchema:
        details = "<p>(JSON Schema cannot express this type)</p>"
    return f"<p>{label}: <code>{escape(codec.name)}</code></p>{details}"


def _doc(documented: Any) -> str:
    text = inspect.cleandoc(documented.__doc__) if documented.__doc__ else ""
    return f"<p>{escape(text)}</p>" if text else ""
