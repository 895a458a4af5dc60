import { expect, test } from "vitest";
import { checkName, createMessage, encode } from "../../src/message.js";

test("a message without a payload is an event alone", () => {
  expect(encode(createMessage("typing", undefined))).toBe('{"event":"typing"}');
});

test("a payload is sent as JSON, `null` and other empty values included", () => {
  for (const payload of [null, 0, "", false, [], {}, { room: "lobby", ids: [1, 2] }]) {
    expect(JSON.parse(encode(createMessage("join", payload)))).toEqual({ event: "join", payload });
  }
});

test("the id is sent if there is one by then, 0 included", () => {
  const message = createMessage("join", 1);
  message.id = 0;
  expect(JSON.parse(encode(message))).toEqual({ event: "join", id: 0, payload: 1 });
  message.id = undefined;
  expect(JSON.parse(encode(message))).toEqual({ event: "join", payload: 1 });
});

test("an id comes with no payload as well", () => {
  const message = createMessage("join", undefined);
  message.id = 12;
  expect(encode(message)).toBe('{"event":"join","id":12}');
});

test("any text may name an event, whatever JSON makes of it", () => {
  for (const event of ["", "a b", 'quote"', "back\\slash", "line\nbreak", "ü", "👩‍🚀", "toString", "a$"]) {
    expect(JSON.parse(encode(createMessage(event, 1)))).toEqual({ event, payload: 1 });
  }
});

test("a later change to the payload does not travel", () => {
  const payload = { text: "before" };
  const message = createMessage("say", payload);
  payload.text = "after";
  expect(JSON.parse(encode(message))).toEqual({ event: "say", payload: { text: "before" } });
});

test("who waits for an answer and what was sent are known", () => {
  const reply = { receive() {}, fail() {} };
  const payload = { room: "lobby" };
  const message = createMessage("join", payload, reply);
  expect(message.payload).toBe(payload);
  expect(message.reply).toBe(reply);
  expect(createMessage("join", payload).reply).toBeUndefined();
});

test("what cannot be JSON is no payload", () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;
  for (const payload of [1n, circle]) expect(() => createMessage("join", payload)).toThrow(TypeError);
});

test("names that start with a dollar, and what is no text, name no event", () => {
  for (const event of ["$", "$hello", 1, null, undefined, {}, ["join"]] as string[]) {
    expect(() => checkName(event)).toThrow(TypeError);
    expect(() => createMessage(event, 1)).toThrow(TypeError);
  }
  expect(() => checkName("join")).not.toThrow();
});
