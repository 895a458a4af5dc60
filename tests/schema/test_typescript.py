"""Generated TypeScript: it compiles, it refuses what is wrong, and it says what the wire carries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from microsockets import Application, Error, Event, Namespace, Socket, on
from microsockets.errors import InvalidPayload
from microsockets.schema import read_contract
from microsockets.schema.contract import Contract
from microsockets.schema.tstypes import Types
from microsockets.schema.typescript import render
from microsockets.schema.walk import Schema, rewrite
from pydantic import BaseModel, ConfigDict, Field

from benchmarks import large
from tests.schema import shop
from tests.schema.compiler import compile_errors
from tests.schema.examples import EXAMPLES
from tests.schema.test_properties import Described
from tests.schema.types import types
from tests.schema.values import anything, values


def rendered(app: Application, source: str = "app:app") -> str:
    return render(read_contract(app.namespaces), source=source)


# Names and layout


class Awkward(BaseModel):
    """Ends a comment */ and begins one /*."""

    model_config = ConfigDict(extra="allow")

    for_: int = Field(alias="for")
    with_space: str = Field(alias="with space", deprecated=True)
    quoted: str = Field(alias='"', description="Of\ntwo lines.")
    many: list[int | str] | None = None
    pairs: dict[str, tuple[int, str]] = {}


class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid")


class string(BaseModel):
    boolean: bool


class Same(BaseModel):
    one: int


class Odd(Error):
    code = "odd_one"
    details: int


class Same_(Namespace, path="/same/{id}"):
    changed = Event[Same]()
    awkward = Event[Awkward]("awkward one")

    async def on_nothing(self, ws: Socket, payload: Nothing) -> string: ...  # type: ignore[empty-body]

    @on(raises=[Odd])
    async def on_fail(self, ws: Socket, payload: Awkward) -> None: ...


Same_.__name__ = "Same"


def test_names_and_layout_are_those_of_a_person() -> None:
    assert rendered(Application(Same_)) == (Path(__file__).parent / "awkward.ts").read_text()


def test_the_same_contract_gives_the_same_text() -> None:
    assert rendered(shop.app) == rendered(shop.app)


def test_the_command_that_writes_it_is_in_it() -> None:
    assert "// microsockets client tests.schema.shop:app --lang typescript" in rendered(
        shop.app, "tests.schema.shop:app"
    )


# What compiles

USE = """
import MicroSocket from "microsockets";
import type { Item, ItemOutput, Lobby, Shop, ShopParams } from "./shop.js";

const socket = new MicroSocket<Shop>("/shop/1", { auth: { shop: 1, token: "t" } satisfies ShopParams });
const item: Item = { name: "teapot", price: "1.5", size: [1, 2], pet: { kind: "cat" } };

async function use() {
  const bought: ItemOutput = await socket.request("buy", item);
  const label: string = bought.label;
  const lives: number | undefined = bought.pet?.kind === "cat" ? bought.pet.lives : undefined;
  const tags: Record<string, string[]> = bought.tags;
  const page = await socket.request("browse");
  const more: boolean = (await socket.request("browse", 2)).more;
  for await (const [number, text] of socket.stream("watch")) console.log(number + 1, text.length);
  const nothing: null = await socket.request("leave");
  const any: unknown = await socket.request("anything", { x: [1] });
  const colours: Record<string, "red" | "blue"> = await socket.request("at once", ["red"]);
  socket.on("sold", ({ price, at }) => price.length + (at?.length ?? 0));
  socket.once("closing soon", (payload: undefined) => payload);
  socket.handle("sure", (question) => question.length > 1);
  try {
    socket.send("buy", item);
  } catch (error) {
    if (socket.isError("buy", error) && error.code === "full") console.log(error.details?.capacity);
  }
  const hello: Promise<string> = new MicroSocket<Lobby>("/").request("hello", "x");
  return { label, lives, tags, page, more, nothing, any, colours, hello };
}
"""

WRONG = [
    'socket.request("buy", {});',
    'socket.request("buy");',
    'socket.request("bye", item);',
    'socket.request("buy", { ...item, price: true });',
    'socket.request("buy", { ...item, size: [1] });',
    'socket.request("buy", { ...item, size: [1, 2, 3] });',
    'socket.request("buy", { ...item, colour: "green" });',
    'socket.request("buy", { ...item, pet: { kind: "bird" } });',
    'socket.request("buy", { ...item, pet: { lives: 3 } });',
    'socket.request("buy", { ...item, pet: { kind: "cat", good: true } });',
    'socket.request("buy", { ...item, nmae: "teapot" });',
    'socket.request("leave", 1);',
    'socket.request("at once", ["green"]);',
    'socket.request("watch");',
    'socket.stream("buy", item);',
    'socket.send("sold", item);',
    'const count: number = await socket.request("browse");',
    'const text: string = (await socket.request("buy", item)).size[0];',
    'const third: string = (await socket.request("buy", item)).size[2];',
    '(await socket.request("browse")).items[0].label;',
    '(await socket.request("anything", 1)).field;',
    'for await (const [number] of socket.stream("watch")) number.length;',
    'socket.on("buy", () => 1);',
    'socket.on("sold", ({ colour }) => colour === "green");',
    'socket.on("sold", (payload: string) => payload);',
    'socket.handle("sure", () => "yes");',
    'socket.handle("really", () => true);',
    'socket.isError("buy", error) && error.code === "emtpy";',
    'socket.isError("browse", error) && error.code === "full";',
    'new MicroSocket<Item>("/");',
]
WRONG_HEAD = """import MicroSocket from "microsockets";
import type { Item, Shop } from "./shop.js";
declare const socket: MicroSocket<Shop>;
declare const item: Item;
declare const error: unknown;
export {};
"""


def test_every_example_compiles_and_what_is_wrong_does_not(tmp_path: Path) -> None:
    applications = {**EXAMPLES, "shop": shop.app, "large": large.app, "awkward": Application(Same_)}
    files = {f"{name.replace(':', '_')}.ts": rendered(app) for name, app in applications.items()}
    for number, (name, text) in enumerate(list(files.items())):
        names = [line.split()[2] for line in text.splitlines() if line.startswith("export interface")]
        spaces = [name for name in names if f"export interface {name} {{\n  in: " in text]
        assert spaces
        sockets = "\n".join(f"export let of{each}: MicroSocket<{each}>;" for each in spaces)
        files[f"use{number}.ts"] = (
            f'import type {{ MicroSocket }} from "microsockets";\n'
            f'import type {{ {", ".join(spaces)} }} from "./{name.removesuffix(".ts")}.js";\n{sockets}\n'
        )
    files["use.ts"] = USE
    files["wrong.ts"] = WRONG_HEAD + "".join(f"{line}\n" for line in WRONG)
    found = compile_errors(tmp_path, files)
    assert {place: what for place, what in found.items() if place[0] != "wrong.ts"} == {}
    first = WRONG_HEAD.count("\n") + 1
    assert [line for number, line in enumerate(WRONG, first) if ("wrong.ts", number) not in found] == []
    assert all(line >= first for _, line in found)


# What the wire carries

FORMS = frozenset(
    {"anyOf", "oneOf", "allOf", "items", "prefixItems", "properties", "required", "additionalProperties", "const"}
    | {"enum", "$ref"}
)


def without_limits(schema: Schema) -> Schema:
    """As much of a schema as TypeScript can say."""
    kept = {keyword: value for keyword, value in schema.items() if keyword in FORMS}
    if "oneOf" in kept:
        kept["anyOf"] = kept.pop("oneOf")
    if "type" in schema:
        kept["type"] = "number" if schema["type"] == "integer" else schema["type"]
    if "prefixItems" in schema:
        kept |= {each: schema[each] for each in ("minItems", "maxItems") if each in schema}
    return kept


def closed(schema: Schema) -> Schema:
    """With the declared fields alone, as TypeScript wants it of what is written down."""
    return {"additionalProperties": False, **schema} if "properties" in schema else schema


class Typed:
    """A type, and a file with its two TypeScript types."""

    def __init__(self, annotation: Any) -> None:
        self.described = Described(annotation)
        shared = self.described.shared
        incoming = {"payload": self.described.read, "answer": self.described.written}
        contract = {
            "namespaces": {"/": {"name": "Root", "in": {"x": incoming}, "out": {}, "asks": {}}},
            "schemas": shared,
        }
        self.text = render(cast("Contract", contract), source="app")
        self._rough = {name: rewrite(each, without_limits) for name, each in shared.items()}
        self._closed = {name: rewrite(each, closed) for name, each in shared.items()}

    def is_closed(self, value: Any) -> bool:
        validator: Any = Draft202012Validator({**rewrite(self.described.read, closed), "schemas": self._closed})
        return bool(validator.is_valid(value)) and self.described.accepts(self.described.read, value)

    def is_roughly(self, schema: Any, value: Any) -> bool:
        """Whether a value is right but for what TypeScript has no words for."""
        validator: Any = Draft202012Validator({**rewrite(schema, without_limits), "schemas": self._rough})
        return bool(validator.is_valid(value))


def literal(value: Any) -> str | None:
    text = json.dumps(value)
    return None if "__proto__" in text else text


@st.composite
def programs(draw: st.DrawFn) -> tuple[str, set[int], set[int]]:
    """A file that says what passes on the wire, the lines that must compile, and those that must not."""
    typed = Typed(draw(types))
    described = typed.described
    lines = typed.text.splitlines()
    right: set[int] = set()
    wrong: set[int] = set()

    def add(where: str, value: Any, kept: set[int]) -> None:
        text = literal(value)
        if text is not None:
            lines.append(f'export const v{len(lines)}: Root["in"]["x"]["{where}"] = {text};')
            kept.add(len(lines))

    for _ in range(6):
        value = draw(values(described.read, described.shared) | anything)
        if not typed.is_roughly(described.read, value):
            add("payload", value, wrong)
        if not typed.is_roughly(described.written, value):
            add("answer", value, wrong)
        try:
            read = described.codec.decode(json.dumps(value).encode())
        except InvalidPayload:
            continue
        add("answer", json.loads(described.codec.encode(read)), right)
        if typed.is_closed(value):
            add("payload", value, right)
    return "\n".join(lines) + "\n", right, wrong


def test_typescript_is_given_what_the_wire_carries(tmp_path: Path) -> None:
    made: list[tuple[str, set[int], set[int]]] = []

    # They are compiled together, since most of the compiler's time goes into its start.
    @settings(
        max_examples=300,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(programs())
    def collect(program: tuple[str, set[int], set[int]]) -> None:
        made.append(program)

    collect()
    found = compile_errors(tmp_path, {f"p{number}.ts": text for number, (text, *_) in enumerate(made)})
    for number, (text, _, wrong) in enumerate(made):
        for line, code in enumerate(text.splitlines(), 1):
            told = found.get((f"p{number}.ts", line))
            assert line not in wrong or told, f"this compiles, and is wrong: {code}\n{text}"
            assert line in wrong or told is None, f"{told}: {code}\n{text}"
    assert sum(len(right) for _, right, _ in made) > 500
    assert sum(len(wrong) for _, _, wrong in made) > 500


# Single types


def fields(*names: str, **more: Any) -> Schema:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": [*names], **more}


LONG = [f"quite_a_long_name_{number}" for number in range(5)]
INLINE = "; ".join(f"{name}: string" for name in LONG)
LISTED = "".join(f"\n  {name}: string;" for name in LONG)
ALTERNATIVES = "".join(f'\n  | "{name}"' for name in LONG)
DEEPER = "".join(f'\n    | "{name}"' for name in LONG)
M: Schema = {"$ref": "#/schemas/M"}
NULL: Schema = {"type": "null"}
TYPES: list[tuple[Any, str]] = [
    (True, "unknown"),
    (False, "never"),
    ({"const": [1]}, "unknown"),
    ({"type": ["string", "null"]}, "string | null"),
    ({"enum": ["a", 1, None]}, '"a" | 1 | null'),
    ({"enum": []}, "never"),
    ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "number"),
    ({"allOf": [M, fields("a")]}, "M & { a: string }"),
    ({"oneOf": [M, NULL], "required": ["kind"]}, "(M | null) & { kind: unknown }"),
    ({"anyOf": [{"oneOf": [M], "required": ["kind"]}, NULL]}, "(M & { kind: unknown }) | null"),
    ({"anyOf": [M, fields("kind")], "required": ["m"]}, "(M | { kind: string }) & { m: unknown }"),
    ({"anyOf": [M, fields("m", "n")], "required": ["m"]}, "M | { m: string; n: string }"),
    ({"type": "array"}, "unknown[]"),
    ({"type": "array", "items": {"anyOf": [M, NULL]}}, "(M | null)[]"),
    ({"type": "array", "items": {"allOf": [M, fields("a")]}}, "(M & { a: string })[]"),
    ({"type": "array", "items": fields("a")}, "{ a: string }[]"),
    ({"type": "array", "prefixItems": [M, NULL], "minItems": 1, "maxItems": 2}, "[M, null?]"),
    ({"type": "array", "prefixItems": [M], "minItems": 1, "items": NULL}, "[M, ...null[]]"),
    ({"type": "object"}, "{ [key: string]: unknown }"),
    ({"type": "object", "additionalProperties": False}, "{ [key: string]: never }"),
    ({"type": "object", "patternProperties": {"^a": M, "^b": NULL}}, "{ [key: string]: M | null }"),
    ({"type": "object", "propertyNames": {"$ref": "#/schemas/E"}, "additionalProperties": M}, "{ [Key in E]?: M }"),
    ({"type": "object", "propertyNames": {"pattern": "^a"}, "additionalProperties": M}, "{ [key: string]: M }"),
    ({"enum": LONG}, ALTERNATIVES),
    ({"type": "array", "items": {"enum": LONG}}, "(" + ALTERNATIVES + "\n)[]"),
    (fields(*LONG), f"{{{LISTED}\n}}"),
    ({"type": "array", "items": fields(*LONG)}, f"{{{LISTED}\n}}[]"),
    (
        {"type": "object", "additionalProperties": {"enum": LONG}},
        "{\n  [key: string]:" + DEEPER + ";\n}",
    ),
    (
        {"type": "array", "items": {"allOf": [fields(*LONG), M]}},
        f"({{ {INLINE} }} & M)[]",
    ),
    ({"properties": {"a": {"type": "string", "description": "It."}}}, "{\n  /** It. */\n  a?: string;\n}"),
]


@pytest.mark.parametrize(("schema", "written"), TYPES)
def test_a_type_is_written(schema: Any, written: str) -> None:
    shared: dict[str, Schema] = {"M": fields("m"), "E": {"enum": ["a", "b"]}}
    assert Types(shared, {name: name for name in shared}).write(schema, "") == written
