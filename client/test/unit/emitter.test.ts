import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { attempt, createEmitter, report } from "../../src/emitter.js";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

let emitter: ReturnType<typeof createEmitter<string, [value: number]>>;
let calls: [string, number][];

beforeEach(() => {
  emitter = createEmitter();
  calls = [];
});

const recorder = (name: string) => (value: number) => calls.push([name, value]);

test("listeners of a key are called in the order in which they were bound", () => {
  emitter.on("a", recorder("first"));
  emitter.on("a", recorder("second"));
  emitter.on("b", recorder("other"));
  emitter.emit("a", 1);
  emitter.emit("nobody", 2);
  expect(calls).toEqual([
    ["first", 1],
    ["second", 1],
  ]);
});

test("a listener bound twice is called twice, and each binding is unbound by itself", () => {
  const listener = recorder("twice");
  const unbind = emitter.on("a", listener);
  emitter.on("a", listener);
  emitter.emit("a", 1);
  unbind();
  unbind();
  emitter.emit("a", 2);
  expect(calls.map(([, value]) => value)).toEqual([1, 1, 2]);
});

test("a listener for once is called once, also if it emits itself", () => {
  emitter.on("a", (value) => value < 3 && emitter.emit("a", value + 1), true);
  emitter.on("a", recorder("seen"), true);
  emitter.emit("a", 1);
  emitter.emit("a", 9);
  expect(calls).toEqual([
    ["seen", 2],
    ["seen", 1],
  ]);
});

test("off unbinds a listener wherever it is bound, or all", () => {
  const listener = recorder("gone");
  emitter.on("a", listener);
  emitter.on("a", listener, true);
  emitter.on("a", recorder("kept"));
  emitter.off("a", listener);
  emitter.emit("a", 1);
  emitter.off("a");
  emitter.off("never bound", listener);
  emitter.emit("a", 2);
  expect(calls).toEqual([["kept", 1]]);
});

test("who binds and unbinds during a call changes only the next", () => {
  const unbind = emitter.on("a", () => {
    unbind();
    emitter.on("a", recorder("late"));
  });
  emitter.on("a", recorder("seen"));
  emitter.emit("a", 1);
  expect(calls).toEqual([["seen", 1]]);
  emitter.emit("a", 2);
  expect(calls.slice(1)).toEqual([
    ["seen", 2],
    ["late", 2],
  ]);
});

test("what a listener throws is reported, and the others are called", () => {
  const reported = vi.fn();
  vi.stubGlobal("reportError", reported);
  const error = new Error("mine");
  emitter.on("a", () => {
    throw error;
  });
  emitter.on("a", recorder("next"));
  emitter.emit("a", 1);
  expect(calls).toEqual([["next", 1]]);
  expect(reported).toHaveBeenCalledWith(error);
  attempt(() => {
    throw error;
  });
  expect(reported).toHaveBeenCalledTimes(2);
});

test("names of Object.prototype are keys like others", () => {
  for (const key of ["__proto__", "constructor", "toString"]) {
    emitter.emit(key, 0);
    emitter.on(key, recorder(key));
    emitter.emit(key, 1);
  }
  expect(calls.map(([key]) => key)).toEqual(["__proto__", "constructor", "toString"]);
});

test("where there is no reportError, an error is uncaught", () => {
  vi.useFakeTimers();
  vi.stubGlobal("reportError", undefined);
  report(new Error("uncaught"));
  expect(() => vi.runAllTimers()).toThrow("uncaught");
});
