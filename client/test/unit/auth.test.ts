import { expect, test } from "vitest";
import { authProtocol } from "../../src/auth.js";
import { MicroSocketError } from "../../src/error.js";

/** What a server reads. */
function read(protocol: string): unknown {
  expect(protocol.startsWith("microsockets.auth.")).toBe(true);
  return JSON.parse(Buffer.from(protocol.slice("microsockets.auth.".length), "base64url").toString("utf8"));
}

test("auth data is base64url of its JSON after the prefix, without padding", () => {
  expect(authProtocol({ token: "abc" })).toBe("microsockets.auth.eyJ0b2tlbiI6ImFiYyJ9");
  expect(authProtocol(1)).toBe("microsockets.auth.MQ");
});

test("the letters that differ from base64 are those of base64url", () => {
  expect(authProtocol("?~>?")).toBe("microsockets.auth.Ij9-Pj8i");
  expect(authProtocol("???")).toBe("microsockets.auth.Ij8_PyI");
});

test("any JSON arrives as it was", () => {
  const values = [
    0,
    "",
    "text",
    true,
    false,
    null,
    [],
    [1, [2]],
    {},
    { a: { b: null } },
    "ü",
    "漢字",
    "👩‍🚀",
    "\u0000\u2028",
  ];
  for (const value of values) expect(read(authProtocol(value))).toEqual(value);
});

test("half of a character arrives, too", () => {
  expect(read(authProtocol("\ud83d"))).toBe("\ud83d");
});

test("4 KiB of JSON are enough, and one byte more is too much", () => {
  const largest = "x".repeat(4_094);
  expect(read(authProtocol(largest))).toBe(largest);
  expect(() => authProtocol(`${largest}x`)).toThrow(MicroSocketError);
  expect(() => authProtocol(`${largest}x`)).toThrow(expect.objectContaining({ code: "too_large" }));
});

test("bytes count, not characters", () => {
  expect(read(authProtocol("ü".repeat(2_047)))).toBe("ü".repeat(2_047));
  expect(() => authProtocol("ü".repeat(2_048))).toThrow(MicroSocketError);
});

test("what cannot be JSON is not sent", () => {
  expect(() => authProtocol(1n)).toThrow(TypeError);
});

test("whatever the text, a subprotocol may carry it, and it arrives", () => {
  const next = randomFrom(7);
  for (let run = 0; run < 1_000; run++) {
    const points = Array.from({ length: Math.floor(next() * 100) }, () => {
      // As many of one byte as of all others together.
      const point = Math.floor(next() * (next() < 0.5 ? 0x80 : 0x11_0000));
      return point >= 0xd800 && point < 0xe000 ? 0xfffd : point;
    });
    const text = String.fromCodePoint(...points);
    const protocol = authProtocol({ text });
    expect(protocol).toMatch(/^[A-Za-z0-9._-]+$/);
    expect(read(protocol)).toEqual({ text });
  }
});

/** Numbers from 0 to 1 that are the same in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
