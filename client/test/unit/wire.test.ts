import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  AUTH_PREFIX,
  ERROR_CODES,
  isAnswer,
  isControl,
  isFailure,
  isItem,
  isRetryable,
  MAX_AUTH_BYTES,
  MAX_ID,
  parseFrame,
  type ReplyFrame,
  SUBPROTOCOL,
  UNAUTHORIZED,
} from "../../src/wire.js";

const status = readFileSync(new URL("../../../microsockets/status.py", import.meta.url), "utf8");

/** The members of one enum of the server, as its source spells them. */
function members(name: string): Record<string, string> {
  const body = status.split(`class ${name}(`)[1]?.split("\nclass ")[0] ?? "";
  const found = [...body.matchAll(/^ {4}([A-Z_]+) = "?(\w+)"?$/gm)];
  return Object.fromEntries(found.map((match) => [match[1], match[2]]));
}

test("error codes are those of the server", () => {
  expect(ERROR_CODES.length).toBeGreaterThan(0);
  expect([...ERROR_CODES]).toEqual(Object.values(members("ErrorCode")));
});

test("a client retries after the codes the server means it to, and after no other", () => {
  const listed = status.match(/RETRYABLE_CLOSE_CODES = frozenset\(\{(.*?)\}\)/s)?.[1] ?? "";
  const ours = Array.from({ length: 5000 }, (_, code) => code).filter(isRetryable);
  expect(ours).toEqual(listed.split(",").map(Number));
});

test("the close code that asks to sign in is that of the server", () => {
  expect(String(UNAUTHORIZED)).toBe(members("CloseCode")["UNAUTHORIZED"]);
});

test("the names and limits of v1 are these", () => {
  expect([SUBPROTOCOL, AUTH_PREFIX]).toEqual(["microsockets.v1", "microsockets.auth."]);
  expect([MAX_AUTH_BYTES, MAX_ID]).toEqual([4096, 2 ** 53 - 1]);
});

test("names of control frames start with a dollar", () => {
  expect(isControl("$hello")).toBe(true);
  for (const other of ["hello", "a$", ""]) expect(isControl(other)).toBe(false);
});

test("every reply is of at most one kind, and an end is of none", () => {
  const kinds = [isAnswer, isFailure, isItem];
  const replies: readonly ReplyFrame[] = [
    { ack: 1, payload: null },
    { ack: 1, error: { code: "timeout", message: "Too slow" } },
    { ack: 1, item: null },
    { ack: 1 },
  ];
  for (const [index, reply] of replies.entries()) {
    expect(kinds.map((kind) => kind(reply))).toEqual(kinds.map((_, other) => other === index));
  }
});

test.each([
  '{"event":"joined"}',
  '{"event":"","payload":""}',
  '{"event":"joined","payload":{"user":"Ada"},"later":1}',
  '{"event":"confirm","id":0,"payload":"Sure?"}',
  '{"event":"confirm","id":9007199254740991}',
  '{"ack":0}',
  '{"ack":1,"payload":null}',
  '{"ack":1,"error":{"code":"timeout","message":"Too slow","details":null}}',
  '{"ack":1,"error":{"code":"timeout"}}',
  '{"ack":1,"item":3}',
  '{"ack":9007199254740991}',
  '{"event":"$hello","payload":{"id":"a","limits":{"frame_bytes":65536},"features":[],"contract":null}}',
  '{"event":"$error","payload":{"code":"bad_frame","message":"The frame is not valid JSON"}}',
  '{"event":"$drain","payload":{"after_ms":250}}',
  '{"event":"$from a later version"}',
  '{"event":"__proto__","payload":{"__proto__":1}}',
])("a server may send %s", (text) => {
  expect(parseFrame(text)).toEqual(JSON.parse(text));
});

test.each([
  "",
  "{",
  "null",
  "1",
  '"event"',
  "true",
  "[]",
  "{}",
  '{"payload":1}',
  '{"item":1}',
  '{"event":1}',
  '{"event":null}',
  '{"event":null,"ack":1}',
  '{"event":"x","id":1.5}',
  '{"event":"x","id":"1"}',
  '{"event":"x","id":null}',
  '{"event":"x","id":9007199254740992}',
  '{"ack":"1","payload":1}',
  '{"ack":null}',
  '{"ack":1,"error":"timeout"}',
  '{"ack":1,"error":null}',
  '{"ack":1,"error":{"message":"no code"}}',
  '{"ack":1,"error":{"code":1}}',
  '{"event":"$hello"}',
  '{"event":"$hello","payload":1}',
  '{"event":"$hello","payload":{}}',
  '{"event":"$hello","payload":{"limits":null}}',
  '{"event":"$error"}',
  '{"event":"$error","payload":null}',
  '{"event":"$error","payload":{"message":"no code"}}',
])("no server sends %s", (text) => {
  expect(parseFrame(text)).toBeNull();
});

test("JSON that is nested too deeply is no frame and no failure", () => {
  expect(parseFrame("[".repeat(1_000_000))).toBeNull();
});
