import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { ReplyFrame } from "../src/wire.js";
import {
  CloseCode,
  ERROR_CODES,
  hasCode,
  isAnswer,
  isControl,
  isEnd,
  isErrorCode,
  isFailure,
  isId,
  isItem,
  isRetryable,
  MAX_ID,
  parseFrame,
} from "../src/wire.js";

// npm runs scripts in the folder of package.json.
const status = readFileSync("../microsockets/status.py", "utf8");

/** The members of one enum of the server, as its source spells them. */
function members(name: string): Record<string, string> {
  const body = status.split(`class ${name}(`)[1]?.split("\nclass ")[0] ?? "";
  const found = [...body.matchAll(/^ {4}([A-Z_]+) = "?(\w+)"?$/gm)];
  return Object.fromEntries(found.map((match) => [match[1], match[2]]));
}

test("close codes are those of the server", () => {
  const ours = Object.fromEntries(Object.entries(CloseCode).map(([name, value]) => [name, String(value)]));
  assert.deepEqual(ours, members("CloseCode"));
});

test("error codes are those of the server", () => {
  assert.deepEqual([...ERROR_CODES], Object.values(members("ErrorCode")));
});

test("a client retries after the codes the server means it to, and after no other", () => {
  const listed = status.match(/RETRYABLE_CLOSE_CODES = frozenset\(\{(.*?)\}\)/s)?.[1] ?? "";
  const theirs = listed.split(",").map(Number);
  const ours = Array.from({ length: 5000 }, (_, code) => code).filter(isRetryable);
  assert.deepEqual(ours, theirs);
});

test("only the framework's codes are error codes", () => {
  assert.ok(isErrorCode("too_large"));
  assert.ok(!isErrorCode("room_full"));
  assert.ok(!isErrorCode("toString"));
});

test("names of control frames start with a dollar", () => {
  assert.ok(isControl("$hello"));
  assert.ok(!isControl("hello"));
  assert.ok(!isControl(""));
});

test("ids are integers from 0 to 2^53-1", () => {
  for (const id of [0, 1, MAX_ID]) assert.ok(isId(id), String(id));
  for (const other of [-1, 1.5, MAX_ID + 1, NaN, Infinity, "1", null, undefined, true]) {
    assert.ok(!isId(other), String(other));
  }
});

test("an error's code tells its details", () => {
  const error = { code: "rate_limited", message: "Wait", details: { retry_after: 0.5 } };
  assert.ok(hasCode(error, "rate_limited"));
  assert.equal(error.details?.retry_after, 0.5);
  assert.ok(!hasCode({ code: "room_full", message: "" }, "overloaded"));
});

test("every reply is of exactly one kind", () => {
  const kinds = [isAnswer, isFailure, isItem, isEnd];
  const replies: readonly ReplyFrame[] = [
    { ack: 1, payload: null },
    { ack: 1, error: { code: "timeout", message: "Too slow" } },
    { ack: 1, item: null },
    { ack: 1 },
  ];
  replies.forEach((reply, index) => {
    assert.deepEqual(
      kinds.map((kind) => kind(reply)),
      kinds.map((_, other) => other === index),
    );
  });
});

test("frames that a server sends are read", () => {
  const frames = [
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
  ];
  for (const text of frames) assert.deepEqual(parseFrame(text), JSON.parse(text), text);
});

test("everything else is no frame", () => {
  const others = [
    "",
    "{",
    "null",
    "1",
    "[]",
    "{}",
    '{"payload":1}',
    '{"event":1}',
    '{"event":null}',
    '{"event":"x","ack":1}',
    '{"event":"x","id":-1}',
    '{"event":"x","id":1.5}',
    '{"event":"x","id":"1"}',
    '{"event":"x","id":null}',
    '{"ack":"1","payload":1}',
    '{"ack":9007199254740992}',
    '{"ack":1,"payload":1,"item":1}',
    '{"ack":1,"payload":1,"error":{"code":"timeout","message":""}}',
    '{"ack":1,"error":"timeout"}',
    '{"ack":1,"error":{"code":"timeout"}}',
    '{"event":"$hello"}',
    '{"event":"$error","payload":null}',
    '{"event":"$drain","payload":{"after_ms":"soon"}}',
  ];
  for (const text of others) assert.equal(parseFrame(text), null, text);
});
