// The parts of the console that need no page.

import { expect, test } from "vitest";
import { fill, parametersOf } from "../../console/document.js";
import { createReader, type FrameEntry } from "../../console/frames.js";
import { mark, numberOr, parse, restore, rounded, Written } from "../../console/json.js";
import { toJson, toPython, toTypeScript } from "../../console/literal.js";
import { type Loc, problemsOf, sentence } from "../../console/problems.js";
import {
  type Definitions,
  describe,
  fits,
  limitsOf,
  resembles,
  resolve,
  type Schema,
  shapeOf,
} from "../../console/schema.js";
import { type CallSample, snippet } from "../../console/snippets.js";
import { ofMember } from "../../console/union.js";

const VALUES: unknown[] = [
  null,
  true,
  -1.5e300,
  "",
  'a "quoted" \\ line\n\u2028',
  [],
  {},
  [[], {}, [1, [2]]],
  { "": 0, "with space": 1, $: 2, "1st": 3, class: { nested: [null, false] } },
  { long: Array.from({ length: 40 }, (_, index) => ({ index, text: "x".repeat(index) })) },
];

test.each(VALUES)("%j is the same value in JSON and in TypeScript", (value) => {
  expect(JSON.parse(toJson(value))).toEqual(value);
  expect(new Function(`return ${toTypeScript(value)}`)()).toEqual(value);
});

test("what fits into a line stays in one, and what does not is broken", () => {
  expect(toTypeScript({ a: 1, b: [true] })).toBe("{ a: 1, b: [true] }");
  expect(toPython({ a: [null, true, false] })).toBe('{"a": [None, True, False]}');
  expect(toPython({ a: "x".repeat(90) }, "    ")).toBe(`{\n        "a": "${"x".repeat(90)}"\n    }`);
});

test.each([
  ["12345678901234567891", ["12345678901234567891"]],
  ["-9007199254740993", ["-9007199254740993"]],
  ["0.12345678901234567891", ["0.12345678901234567891"]],
  ["1.0", []],
  ["-0", []],
  ["1e400", []],
])("the number %s stays as it is written", (text, tooLong) => {
  for (const value of [parse(` ${text} `), numberOr(` ${text} `), restore(JSON.parse(mark(text)))]) {
    expect(value).toBeInstanceOf(Written);
    expect([String(value), toJson(value), toPython([value])]).toEqual([text, text, `[${text}]`]);
    expect(rounded({ a: [value] }).map(String)).toEqual(tooLong);
  }
});

test("what JavaScript writes in the same way is a number, and what is no JSON is text", () => {
  for (const text of ["0", "-1", "1.5", "1e+21", "9007199254740992"]) expect(numberOr(text)).toBe(Number(text));
  for (const text of ["", " ", "+1", "007", ".5", "1.", "0x10", "NaN", "1 2"]) expect(numberOr(text)).toBe(text);
});

test.each(['"12345678901234567891"', '{"12345678901234567891": "\\"1.0"}', JSON.stringify("1.0 \\".repeat(1_000_000))])(
  "what looks like a number within text stays text",
  (text) => {
    expect(mark(text)).toBe(text);
    expect(parse(text)).toEqual(JSON.parse(text));
  },
);

test("marks change nothing but numbers", () => {
  const text = '[{"__proto__":{"a":1.0,"1.0":[true,null,2]}},[]]';
  expect(toJson(parse(text)).replace(/\s/g, "")).toBe(text);
  expect(() => parse("[1.0,")).toThrow(SyntaxError);
});

const DEFINITIONS: Definitions = {
  Cat: { type: "object", properties: { kind: { const: "cat" }, lives: { type: "integer" } }, required: ["kind"] },
  Dog: { type: "object", properties: { kind: { const: "dog" } }, required: ["kind"] },
  Node: { type: "object", properties: { next: { $ref: "#/schemas/Node" } } },
};

test.each<[Schema, string]>([
  [{}, "any"],
  [{ type: "integer" }, "integer"],
  [{ type: "string", format: "uuid" }, "uuid"],
  [{ type: ["string", "null"] }, "string | null"],
  [{ enum: ["a", 1] }, '"a" | 1'],
  [{ anyOf: [{ $ref: "#/schemas/Cat" }, { type: "null" }] }, "Cat | null"],
  [{ $ref: "#/schemas/Cat" }, '{ kind: "cat", lives?: integer }'],
  [{ $ref: "#/schemas/Node" }, "{ next?: Node }"],
  [{ type: "array", items: { enum: ["a", "b"] } }, '("a" | "b")[]'],
  [{ type: "array", items: { type: "object", additionalProperties: { enum: [1, 2] } } }, "{ [name]: 1 | 2 }[]"],
  [{ type: "array", prefixItems: [{ type: "number" }, { type: "boolean" }] }, "[number, boolean]"],
  [{ allOf: [{ $ref: "#/schemas/Dog" }] }, '{ kind: "dog" }'],
])("%j is described as %s", (schema, text) => {
  expect(describe(schema, DEFINITIONS)).toBe(text);
});

test.each<[Schema, string]>([
  [{ type: "integer", minimum: 1, exclusiveMaximum: 9, multipleOf: 2 }, "≥ 1, < 9, a multiple of 2"],
  [{ type: "string", minLength: 1, maxLength: 5 }, "1 to 5 characters"],
  [{ type: "string", minLength: 3, maxLength: 3, pattern: "^a" }, "matching ^a, 3 characters"],
  [{ type: "array", minItems: 2 }, "at least 2 items"],
  [{ type: "array", maxItems: 2 }, "at most 2 items"],
  [{ type: "string" }, ""],
])("the limits of %j are told as %j", (schema, text) => {
  expect(limitsOf(schema, DEFINITIONS)).toBe(text);
});

test("a value is told to be of a union's member by its tag and by its fields", () => {
  const cat = { $ref: "#/schemas/Cat" };
  expect(fits({ kind: "cat" }, cat, DEFINITIONS)).toBe(true);
  expect(fits({ kind: "dog" }, cat, DEFINITIONS)).toBe(false);
  expect(fits({}, cat, DEFINITIONS)).toBe(false);
  expect(fits(null, { anyOf: [cat, { type: "null" }] }, DEFINITIONS)).toBe(true);
  expect(fits([1], { type: "array" }, DEFINITIONS)).toBe(true);
  expect(fits("1", { type: "integer" }, DEFINITIONS)).toBe(false);
});

test("what does not validate is still told to be of a member by its tag, or by its fields", () => {
  const [cat, dog] = [{ $ref: "#/schemas/Cat" }, { $ref: "#/schemas/Dog" }];
  expect(resembles({ kind: "cat", lives: "many" }, cat, DEFINITIONS)).toBe(true);
  expect(resembles({ kind: "cat" }, dog, DEFINITIONS)).toBe(false);
  expect(resembles({ other: 1 }, dog, DEFINITIONS)).toBe(false);
  expect(resembles({}, dog, DEFINITIONS)).toBe(true);
  expect(resembles(["x"], { type: "array", items: { type: "integer" } }, DEFINITIONS)).toBe(true);
  expect(fits(["x"], { type: "array", items: { type: "integer" } }, DEFINITIONS)).toBe(false);
});

test("what JavaScript's own objects have is in no payload and in no definition", () => {
  const schema = { type: "object", properties: { toString: {} }, required: ["toString"] };
  expect(fits({}, schema, {})).toBe(false);
  expect(resolve({ $ref: "#/schemas/constructor" }, {})).toEqual({});
});

const ITEM: Schema = { $ref: "#/schemas/Item" };
const PET: Schema = { oneOf: [{ $ref: "#/schemas/Cat" }, { $ref: "#/schemas/Dog" }] };
const INTEGER: Schema = { type: "integer" };
const TEXT: Schema = { type: "string" };
const NULL: Schema = { type: "null" };
const INTEGERS: Schema = { type: "array", items: { type: "integer" } };

// As pydantic says them.
test.each<[string, Schema, number, Loc[], Loc[] | undefined]>([
  ["a discriminated one", PET, 0, [["cat", "cat"], ["cat"]], [["cat"], []]],
  ["one that is discriminated by integers", PET, 1, [[1, 0, "n"]], [[0, "n"]]],
  ["one whose tag is none", PET, 1, [[]], [[]]],
  ["an optional one", { anyOf: [PET, NULL] }, 0, [["cat", "name"]], [["cat", "name"]]],
  [
    "a discriminated one in another",
    { anyOf: [PET, INTEGER] },
    0,
    [["tagged-union[Cat,Dog]", "cat", "n"], ["int"]],
    [["cat", "n"]],
  ],
  ["one of lists", { anyOf: [INTEGER, INTEGERS, NULL] }, 1, [["int"], ["list[int]", 0], ["list[int]", 2]], [[0], [2]]],
  ["one whose null was chosen", { anyOf: [INTEGER, TEXT, NULL] }, 2, [["int"], ["str"]], undefined],
  [
    "one within one",
    { anyOf: [ITEM, INTEGER, TEXT] },
    2,
    [
      ["Item", "n"],
      ["union[int,str]", "int"],
      ["union[int,str]", "str"],
    ],
    [[]],
  ],
  [
    "one that is described",
    { anyOf: [INTEGER, { anyOf: [TEXT, INTEGERS] }] },
    1,
    [["int"], ["union[str,list[int]]", "str"]],
    [["str"]],
  ],
  [
    "one of which not all was told",
    { anyOf: [{ $ref: "#/schemas/Page_int_" }, TEXT] },
    0,
    [
      ["Page[int]", "a"],
      ["Page[int]", "b"],
    ],
    [["a"], ["b"]],
  ],
  ["a decimal", { anyOf: [{ type: "number" }, TEXT] }, 1, [[]], [[]]],
  ["one of a decimal", { anyOf: [{ type: "number" }, TEXT, INTEGERS] }, 2, [["decimal"], ["list[int]"]], undefined],
])("of the problems of a union, %s, the chosen member's are told", (_, schema, chosen, found, told) => {
  const definitions: Definitions = {
    ...DEFINITIONS,
    Page_int_: { title: "Page[int]", type: "object", properties: {} },
  };
  const shape = shapeOf(schema, definitions);
  if (shape.kind !== "union") throw new Error("no union");
  const problems = found.map((loc) => ({ loc, msg: "No." }));
  expect(ofMember(problems, shape, chosen, definitions)?.map(({ loc }) => loc)).toEqual(told);
});

test("a reference that leads nowhere or in a circle is anything", () => {
  expect(resolve({ $ref: "#/schemas/None" }, {})).toEqual({});
  expect(describe({ $ref: "#/schemas/A" }, { A: { $ref: "#/schemas/A" } })).toBe("any");
});

test("parameters go into a path as one segment each", () => {
  expect(parametersOf("/a/{room}/{seat}")).toEqual(["room", "seat"]);
  expect(fill("/a/{room}/{seat}", { room: "x/y z", seat: 7 })).toBe("/a/x%2Fy%20z/7");
});

function entry(direction: FrameEntry["direction"], frame: unknown, ms = 0): FrameEntry {
  const text = typeof frame === "string" ? frame : JSON.stringify(frame);
  return { client: "A", direction, text, at: new Date(1_000 + ms) };
}

test("answers are named by their requests, in either direction", () => {
  const read = createReader();
  read(entry("sent", { event: "join", id: 1, payload: { room: "x" } }));
  read(entry("received", { event: "sure", id: 1 }));
  const item = read(entry("received", { ack: 1, item: 5 }, 10));
  expect(item).toEqual({ name: "join", kind: "item", id: "#1", ms: 10, isControl: false, preview: "5" });
  expect(read(entry("sent", { ack: 1, payload: true }, 20))).toMatchObject({ name: "sure", kind: "answer", ms: 20 });
  expect(read(entry("received", { ack: 1 }, 30))).toMatchObject({ name: "join", kind: "end", ms: 30 });
  expect(read(entry("received", { ack: 1, error: { code: "x" } }))).toMatchObject({ name: "", kind: "error" });
});

test("what is no frame is shown as it is", () => {
  const read = createReader();
  for (const text of ["nonsense", "[1]", "null", '"text"']) {
    expect(read(entry("received", text))).toMatchObject({ name: "", kind: "", preview: text });
  }
  expect(read(entry("received", { event: "$error", payload: { code: "x" } }))).toMatchObject({
    isControl: true,
    kind: "error",
  });
});

test("only a list of problems is one", () => {
  expect(problemsOf({ retry_after: 1 })).toEqual([]);
  expect(problemsOf([{ loc: ["a", 0], msg: "No." }, { loc: "a" }, 1])).toEqual([{ loc: ["a", 0], msg: "No." }]);
  expect(sentence({ loc: ["a", 0], msg: "No." })).toBe("a.0: No.");
  expect(sentence({ loc: [], msg: "No." })).toBe("No.");
});

const CALL: CallSample = {
  url: "ws://127.0.0.1:8000/hall/1",
  path: "/hall/1",
  auth: { token: "t" },
  type: "Hall",
  event: "bid now",
  kind: "request",
  payload: { amount: 5 },
  outcome: undefined,
};

test("a call is copied with what it needs and no more", () => {
  expect(snippet("typescript", CALL)).toContain(
    'new MicroSocket<Hall>("ws://127.0.0.1:8000/hall/1", { auth: { token: "t" } });',
  );
  expect(snippet("typescript", { ...CALL, kind: "stream", payload: undefined, auth: undefined })).toContain(
    'for await (const item of socket.stream("bid now")) {',
  );
  expect(snippet("python", { ...CALL, kind: "send" })).toContain('await socket.send("bid now", {"amount": 5})');
  const test = snippet("pytest", { ...CALL, outcome: { answer: [true] } });
  expect(test).toContain("async def test_bid_now() -> None:");
  expect(test).toContain('assert await peer.request("bid now", {"amount": 5}) == [True]');
  const failing = snippet("pytest", { ...CALL, outcome: { error: "too_low" } });
  expect(failing).toContain('assert failed.value.code == "too_low"');
});
