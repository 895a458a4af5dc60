import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MicroSocketError } from "../../src/error.js";
import { createQuestions, type Questions } from "../../src/questions.js";

let reported: unknown[];

beforeEach(() => {
  reported = [];
  vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

async function ask(questions: Questions, payload?: unknown, event = "confirm"): Promise<unknown> {
  return JSON.parse(await questions.answer(1, event, payload));
}

test("a question is answered with what its handler returns or resolves to", async () => {
  const questions = createQuestions();
  questions.bind("confirm", (payload, event) => [payload, event]);
  questions.bind("later", async (payload) => ({ later: payload }));
  expect(await ask(questions, "sure?")).toEqual({ ack: 1, payload: ["sure?", "confirm"] });
  expect(await ask(questions, "sure?", "later")).toEqual({ ack: 1, payload: { later: "sure?" } });
});

test("an answer always has a payload: nothing is `null`", async () => {
  const questions = createQuestions();
  questions.bind("confirm", (payload) => payload);
  expect(await questions.answer(0, "confirm", undefined)).toBe('{"ack":0,"payload":null}');
  expect(await questions.answer(7, "confirm", null)).toBe('{"ack":7,"payload":null}');
  for (const empty of [0, "", false]) expect(await ask(questions, empty)).toEqual({ ack: 1, payload: empty });
});

test("a question without a handler is unknown, whatever it is called", async () => {
  const questions = createQuestions();
  const error = { code: "unknown_event", message: "No handler" };
  for (const event of ["confirm", "__proto__", "constructor", "toString"]) {
    expect(await ask(questions, 1, event)).toEqual({ ack: 1, error });
  }
});

test("a `MicroSocketError` of the handler is the answer, and is reported to nobody", async () => {
  const questions = createQuestions();
  questions.bind("confirm", () => {
    throw new MicroSocketError("busy", "Later", { minutes: 5 });
  });
  expect(await ask(questions)).toEqual({ ack: 1, error: { code: "busy", message: "Later", details: { minutes: 5 } } });
  questions.bind("confirm", async () => {
    throw new MicroSocketError("busy");
  });
  expect(await ask(questions)).toEqual({ ack: 1, error: { code: "busy", message: "busy" } });
  expect(reported).toEqual([]);
});

test("anything else that a handler throws is reported here, and the server learns nothing about it", async () => {
  const questions = createQuestions();
  const error = new Error("secret");
  questions.bind("confirm", () => Promise.reject(error));
  const failed = { ack: 1, error: { code: "internal_error", message: "The handler failed" } };
  expect(await ask(questions)).toEqual(failed);
  questions.bind("confirm", () => {
    throw "text";
  });
  expect(await ask(questions)).toEqual(failed);
  expect(reported).toEqual([error, "text"]);
});

test("an answer that cannot be JSON is a failure of the handler", async () => {
  const questions = createQuestions();
  questions.bind("confirm", () => 1n);
  expect(await ask(questions)).toMatchObject({ ack: 1, error: { code: "internal_error" } });
  expect(reported).toEqual([expect.any(TypeError)]);
});

test("an event has one handler: the last one bound", async () => {
  const questions = createQuestions();
  const unbindFirst = questions.bind("confirm", () => "first");
  const unbindSecond = questions.bind("confirm", () => "second");
  unbindFirst();
  expect(await ask(questions)).toEqual({ ack: 1, payload: "second" });
  unbindSecond();
  expect(await ask(questions)).toMatchObject({ error: { code: "unknown_event" } });
});

test("only an application's event can be handled", () => {
  expect(() => createQuestions().bind("$hello", () => 1)).toThrow(TypeError);
});

test("beyond 256 unanswered questions, the server is told to wait, until there are fewer", async () => {
  const questions = createQuestions();
  const finish: (() => void)[] = [];
  questions.bind("confirm", () => new Promise<string>((resolve) => finish.push(() => resolve("yes"))));
  const waiting = Array.from({ length: 256 }, () => ask(questions));
  const error = { code: "overloaded", message: "Too many questions", details: { retry_after: 1 } };
  expect(await ask(questions)).toEqual({ ack: 1, error });
  expect(finish).toHaveLength(256);
  finish[0]?.();
  expect(await waiting[0]).toEqual({ ack: 1, payload: "yes" });
  const other = ask(questions);
  for (const call of finish) call();
  expect(await other).toEqual({ ack: 1, payload: "yes" });
  await Promise.all(waiting);
  expect(reported).toEqual([]);
});

test("questions that failed are answered ones: they leave room for others", async () => {
  const questions = createQuestions();
  for (let n = 0; n < 300; n++) await ask(questions);
  questions.bind("confirm", () => "yes");
  expect(await ask(questions)).toEqual({ ack: 1, payload: "yes" });
});
