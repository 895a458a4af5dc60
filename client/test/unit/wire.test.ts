import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  ERROR_CODES,
  isAnswer,
  isControl,
  isFailure,
  isItem,
  isRetryable,
  parseFrame,
  type ReplyFrame,
  UNAUTHORIZED,
} from "../../src/wire.js";

// npm runs scripts in the folder of package.json.
const status = readFileSync("../microsockets/status.py", "utf8");

/** The members of one enum of the server, as its source spells them. */
function members(name: string): Record<string, string> {
  const body = status.split(`class ${name}(`)[1]?.split("\nclass ")[0] ?? "";
  const found = [...body.matchAll(/^ {4}([A-Z_]+) = "?(\w+)"?$/gm)];
  return Object.fromEntries(found.map(([, key, value]) => [key, value]));
}

test("error codes are those of the server", () => {
  expect(ERROR_CODES).toEqual(Object.values(members("ErrorCode")));
});

test("the client retries after the codes the server means it to, and after no other", () => {
  const listed = status.match(/RETRYABLE_CLOSE_CODES = frozenset\(\{(.*?)\}\)/s)?.[1] ?? "";
  const ours = Array.from({ length: 5000 }, (_, code) => code).filter(isRetryable);
  expect(ours).toEqual(listed.split(",").map(Number));
  expect(String(UNAUTHORIZED)).toBe(members("CloseCode")["UNAUTHORIZED"]);
});

test("names of control frames start with a dollar", () => {
  expect(["$hello", "hello", ""].map(isControl)).toEqual([true, false, false]);
});

test("a reply is of one kind, and an end of none", () => {
  const replies: readonly ReplyFrame[] = [
    { ack: 1, payload: null },
    { ack: 1, error: { code: "timeout", message: "Too slow" } },
    { ack: 1, item: null },
    { ack: 1 },
  ];
  expect(replies.map((reply) => [isAnswer(reply), isFailure(reply), isItem(reply)])).toEqual([
    [true, false, false],
    [false, true, false],
    [false, false, true],
    [false, false, false],
  ]);
});

test.each([
  '{"event":"joined"}',
  '{"event":"joined","payload":{"user":"Ada"},"later":1}',
  '{"event":"confirm","id":0,"payload":"Sure?"}',
  '{"ack":1,"payload":null}',
  '{"ack":1,"error":{"code":"timeout","message":"Too slow","details":null}}',
  '{"ack":1,"item":3}',
  '{"ack":9007199254740991}',
  '{"event":"$hello","payload":{"id":"a","limits":{"frame_bytes":65536},"features":[],"contract":null}}',
  '{"event":"$error","payload":{"code":"bad_frame","message":"The frame is not valid JSON"}}',
  '{"event":"$drain","payload":{"after_ms":250}}',
  '{"event":"$from a later version"}',
  '{"event":"__proto__","payload":{"__proto__":1}}',
])("%s is a frame", (text) => {
  expect(parseFrame(text)).toEqual(JSON.parse(text));
});

test.each([
  "",
  "{",
  "null",
  "1",
  '"text"',
  "[]",
  "{}",
  '{"payload":1}',
  '{"event":1}',
  '{"event":null}',
  '{"event":"x","id":1.5}',
  '{"event":"x","id":"1"}',
  '{"event":"x","id":null}',
  '{"event":"x","id":1e300}',
  '{"ack":"1","payload":1}',
  '{"ack":null}',
  '{"ack":1,"error":null}',
  '{"ack":1,"error":"timeout"}',
  '{"ack":1,"error":{"message":"no code"}}',
  '{"event":"$hello"}',
  '{"event":"$hello","payload":{"id":"a","limits":null}}',
  '{"event":"$error","payload":null}',
  '{"event":"$error","payload":{"code":1}}',
])("%s is none", (text) => {
  expect(parseFrame(text)).toBeNull();
});

test("JSON that is nested too deeply is no frame and no failure", () => {
  expect(parseFrame("[".repeat(1_000_000))).toBeNull();
});
