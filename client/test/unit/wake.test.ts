import { afterEach, expect, test, vi } from "vitest";
import { onWake } from "../../src/wake.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Stands in for a window or a worker. Returns what makes an event happen there. */
function surroundings(document?: { readonly hidden: boolean }): (type: string) => void {
  const target = new EventTarget();
  vi.stubGlobal("addEventListener", target.addEventListener.bind(target));
  vi.stubGlobal("document", document);
  return (type) => target.dispatchEvent(new Event(type));
}

/** How often it was called, and what ends that. */
function record() {
  const calls: number[] = [];
  return { calls, end: onWake(() => calls.push(1)) };
}

test("it calls when the network is back", () => {
  const happens = surroundings();
  const { calls } = record();
  happens("online");
  expect(calls).toHaveLength(1);
});

test("it calls when the page goes on after it was frozen", () => {
  const happens = surroundings({ hidden: true });
  const { calls } = record();
  happens("resume");
  expect(calls).toHaveLength(1);
});

test("it calls when somebody looks at the page again, not when nobody does any more", () => {
  const document = { hidden: true };
  const happens = surroundings(document);
  const { calls } = record();
  happens("visibilitychange");
  expect(calls).toEqual([]);
  document.hidden = false;
  happens("visibilitychange");
  expect(calls).toHaveLength(1);
});

test("the network may be back while nobody looks at the page", () => {
  const happens = surroundings({ hidden: true });
  const { calls } = record();
  happens("online");
  expect(calls).toHaveLength(1);
});

test("without a document, whoever tells of it is believed", () => {
  const happens = surroundings();
  const { calls } = record();
  happens("visibilitychange");
  expect(calls).toHaveLength(1);
});

test("other events mean nothing", () => {
  const happens = surroundings();
  const { calls } = record();
  for (const type of ["offline", "focus", "freeze"]) happens(type);
  expect(calls).toEqual([]);
});

test("it calls each time until it is ended, which ends only its own", () => {
  const happens = surroundings();
  const first = record();
  const second = record();
  happens("online");
  happens("online");
  first.end();
  first.end();
  happens("online");
  happens("visibilitychange");
  happens("resume");
  expect(first.calls).toHaveLength(2);
  expect(second.calls).toHaveLength(5);
});

test("where nothing tells such events, nothing happens", () => {
  vi.stubGlobal("addEventListener", undefined);
  const { calls, end } = record();
  end();
  expect(calls).toEqual([]);
});
