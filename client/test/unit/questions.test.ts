import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MicroSocketError } from "../../src/error.js";
import { createQuestions } from "../../src/questions.js";

let questions: ReturnType<typeof createQuestions>;
const reported = vi.fn();

beforeEach(() => {
  questions = createQuestions();
  reported.mockClear();
  vi.stubGlobal("reportError", reported);
});

afterEach(() => vi.unstubAllGlobals());

async function ask(event: string, payload?: unknown): Promise<unknown> {
  return JSON.parse(await questions.answer(7, event, payload));
}

test("what a handler returns or resolves to is the answer", async () => {
  questions.bind("double", (n) => (n as number) * 2);
  questions.bind("later", async (_payload, event) => event);
  questions.bind("nothing", () => undefined);
  expect(await ask("double", 2)).toEqual({ ack: 7, payload: 4 });
  expect(await ask("later")).toEqual({ ack: 7, payload: "later" });
  expect(await ask("nothing")).toEqual({ ack: 7, payload: null });
});

test("a question that nobody handles is an unknown event, whatever it is called", async () => {
  for (const event of ["confirm", "__proto__", "constructor", "toString"]) {
    expect(await ask(event)).toMatchObject({ ack: 7, error: { code: "unknown_event" } });
  }
});

test("the last handler bound answers, and unbinding another does nothing", async () => {
  const unbind = questions.bind("who", () => 1);
  const unbindLast = questions.bind("who", () => 2);
  unbind();
  expect(await ask("who")).toEqual({ ack: 7, payload: 2 });
  unbindLast();
  expect(await ask("who")).toMatchObject({ error: { code: "unknown_event" } });
});

test("an error of ours that a handler throws is the answer", async () => {
  questions.bind("fail", () => {
    throw new MicroSocketError("not_now", "Not now", { until: 5 });
  });
  expect(await ask("fail")).toEqual({ ack: 7, error: { code: "not_now", message: "Not now", details: { until: 5 } } });
  expect(reported).not.toHaveBeenCalled();
});

test("any other failure is reported here, and the server learns nothing of it", async () => {
  const secret = new Error("secret");
  questions.bind("throws", () => Promise.reject(secret));
  questions.bind("unwritable", () => 1n);
  expect(await ask("throws")).toEqual({ ack: 7, error: { code: "internal_error", message: "The handler failed" } });
  expect(await ask("unwritable")).toMatchObject({ error: { code: "internal_error" } });
  expect(reported.mock.calls[0]).toEqual([secret]);
});

test("of too many questions at once the last are refused", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  questions.bind("wait", () => released);
  const waiting = Array.from({ length: 256 }, () => ask("wait"));
  expect(await ask("wait")).toMatchObject({ error: { code: "overloaded", details: { retry_after: 1 } } });
  release();
  await Promise.all(waiting);
  expect(await ask("wait")).toEqual({ ack: 7, payload: null });
});

test("control events cannot be handled", () => {
  expect(() => questions.bind("$ping", () => 1)).toThrow(TypeError);
});
