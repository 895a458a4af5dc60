import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { attempt, createEmitter, report } from "../../src/emitter.js";

let reported: unknown[];

beforeEach(() => {
  reported = [];
  vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** An emitter, and a maker of listeners that note their name and what they were called with. */
function record() {
  const calls: unknown[][] = [];
  const named = (name: string) => (payload: number, event: string) => calls.push([name, payload, event]);
  return { calls, named, emitter: createEmitter<string, [payload: number, event: string]>() };
}

test("listeners of a key are called in the order in which they were bound, with what is emitted", () => {
  const { calls, named, emitter } = record();
  emitter.on("x", named("first"));
  emitter.on("y", named("other"));
  emitter.on("x", named("second"));
  emitter.emit("x", 1, "said");
  expect(calls).toEqual([
    ["first", 1, "said"],
    ["second", 1, "said"],
  ]);
});

test("what nobody listens to is told to nobody", () => {
  const { calls, named, emitter } = record();
  emitter.on("x", named("first"));
  emitter.emit("toString", 1, "said");
  expect(calls).toEqual([]);
});

test("names of Object.prototype are keys like others", () => {
  const { calls, named, emitter } = record();
  for (const key of ["__proto__", "constructor", "toString"]) {
    emitter.emit(key, 0, "said");
    emitter.on(key, named(key));
    emitter.emit(key, 1, "said");
  }
  expect(calls.map(([key, payload]) => [key, payload])).toEqual([
    ["__proto__", 1],
    ["constructor", 1],
    ["toString", 1],
  ]);
});

test("keys may be symbols, which equal no other", () => {
  const calls: number[] = [];
  const key = Symbol("key");
  const emitter = createEmitter<string | symbol, [number]>();
  emitter.on(key, (n) => calls.push(n));
  emitter.emit(key, 1);
  emitter.emit(Symbol("key"), 2);
  emitter.emit("key", 3);
  expect(calls).toEqual([1]);
});

test("a listener bound for once is called once", () => {
  const { calls, named, emitter } = record();
  emitter.on("x", named("once"), true);
  emitter.on("x", named("always"));
  emitter.emit("x", 1, "said");
  emitter.emit("x", 2, "said");
  expect(calls.map(([name, payload]) => [name, payload])).toEqual([
    ["once", 1],
    ["always", 1],
    ["always", 2],
  ]);
});

test("a listener bound for once that emits the same key is not called again", () => {
  const calls: number[] = [];
  const emitter = createEmitter<string, [number]>();
  emitter.on(
    "x",
    (n) => {
      calls.push(n);
      emitter.emit("x", n + 1);
    },
    true,
  );
  emitter.emit("x", 1);
  expect(calls).toEqual([1]);
});

test("a listener bound for once can be unbound before it was called", () => {
  const { calls, named, emitter } = record();
  const unbind = emitter.on("x", named("once"), true);
  unbind();
  emitter.emit("x", 1, "said");
  expect(calls).toEqual([]);
});

test("a listener bound twice is called twice, and each binding ends by itself", () => {
  const { calls, named, emitter } = record();
  const listener = named("both");
  const unbind = emitter.on("x", listener);
  emitter.on("x", listener);
  emitter.emit("x", 1, "said");
  expect(calls).toHaveLength(2);
  unbind();
  unbind();
  emitter.emit("x", 2, "said");
  expect(calls).toHaveLength(3);
});

test("a listener, or all of a key, can be unbound by name", () => {
  const { calls, named, emitter } = record();
  const [first, second] = [named("first"), named("second")];
  for (const key of ["x", "y"]) {
    emitter.on(key, first);
    emitter.on(key, first);
    emitter.on(key, second);
  }
  emitter.off("x", first);
  emitter.off("y");
  emitter.emit("x", 1, "said");
  emitter.emit("y", 1, "said");
  expect(calls).toEqual([["second", 1, "said"]]);
});

test("to unbind what is not bound does nothing", () => {
  const { calls, named, emitter } = record();
  emitter.off("x");
  emitter.off("x", named("never"));
  emitter.on("x", named("first"));
  emitter.off("x", named("first"));
  emitter.emit("x", 1, "said");
  expect(calls).toEqual([["first", 1, "said"]]);
});

test("a listener bound while others are called waits for the next time", () => {
  const { calls, named, emitter } = record();
  emitter.on("x", () => emitter.on("x", named("late")), true);
  emitter.emit("x", 1, "said");
  expect(calls).toEqual([]);
  emitter.emit("x", 2, "said");
  expect(calls).toEqual([["late", 2, "said"]]);
});

test("listeners that unbind themselves do not make others be left out", () => {
  const { calls, named, emitter } = record();
  emitter.on("x", () => emitter.off("x"));
  emitter.on("x", named("second"));
  emitter.on("x", named("third"));
  emitter.emit("x", 1, "said");
  expect(calls.map(([name]) => name)).toEqual(["second", "third"]);
});

test("what a listener throws is reported, and the others are called all the same", () => {
  const { calls, named, emitter } = record();
  const error = new Error("in a listener");
  emitter.on("x", () => {
    throw error;
  });
  emitter.on("x", named("second"));
  emitter.emit("x", 1, "said");
  expect(reported).toEqual([error]);
  expect(calls).toEqual([["second", 1, "said"]]);
});

test("what a function of the application's throws is reported and goes no further", () => {
  const calls: string[] = [];
  attempt(() => calls.push("fine"));
  expect(reported).toEqual([]);
  attempt(() => {
    throw "not even an error";
  });
  expect(calls).toEqual(["fine"]);
  expect(reported).toEqual(["not even an error"]);
});

test("where errors cannot be reported, they are thrown where nothing catches them", () => {
  vi.useFakeTimers();
  vi.stubGlobal("reportError", undefined);
  const error = new Error("in a listener");
  expect(() => report(error)).not.toThrow();
  expect(() => vi.runAllTimers()).toThrow(error);
});
