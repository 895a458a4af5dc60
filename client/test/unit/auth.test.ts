import { expect, test } from "vitest";
import { authProtocol } from "../../src/auth.js";

function decode(protocol: string): unknown {
  expect(protocol).toMatch(/^microsockets\.auth\.[A-Za-z0-9_-]*$/);
  return JSON.parse(Buffer.from(protocol.slice("microsockets.auth.".length), "base64url").toString("utf8"));
}

test.each([{ token: "ü€😀" }, "?>~ÿ", [1, null, true], 0, "", { a: { b: ["x".repeat(1000)] } }])(
  "%j arrives as it was",
  (value) => {
    expect(decode(authProtocol(value))).toEqual(value);
  },
);

test("text of any length and kind arrives as it was", () => {
  for (let length = 0; length < 200; length++) {
    const text = String.fromCodePoint(...Array.from({ length }, (_, n) => 32 + ((n * 7919 + length) % 0xd000)));
    expect(decode(authProtocol(text))).toBe(text);
  }
});

test("4 KiB of JSON are taken, and one byte more is not", () => {
  expect(decode(authProtocol("x".repeat(4094)))).toHaveLength(4094);
  expect(() => authProtocol("x".repeat(4095))).toThrow(expect.objectContaining({ code: "too_large" }));
  expect(() => authProtocol("é".repeat(2048))).toThrow(expect.objectContaining({ code: "too_large" }));
});
