import { expect, test } from "vitest";
import { checkName, createMessage, encode } from "../../src/message.js";

test("a message is a frame with or without payload and id", () => {
  expect(encode(createMessage("typing", undefined))).toBe('{"event":"typing"}');
  expect(encode(createMessage("say", null))).toBe('{"event":"say","payload":null}');
  const message = createMessage('a "b"', { c: [1] });
  message.id = 0;
  expect(JSON.parse(encode(message))).toEqual({ event: 'a "b"', id: 0, payload: { c: [1] } });
});

test("a payload that changes later travels as it was", () => {
  const payload = { n: 1 };
  const message = createMessage("say", payload);
  payload.n = 2;
  expect(JSON.parse(encode(message)).payload).toEqual({ n: 1 });
});

test("what cannot be JSON is refused at once", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  for (const payload of [1n, circle]) expect(() => createMessage("say", payload)).toThrow(TypeError);
});

test("names are strings that do not start with a dollar", () => {
  for (const name of ["", "say", "a$", "__proto__"]) expect(() => checkName(name)).not.toThrow();
  for (const name of ["$", "$ping", 1, undefined, null, {}]) expect(() => checkName(name)).toThrow(TypeError);
});
