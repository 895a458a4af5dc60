import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MicroSocketError } from "../../src/error.js";
import { SocketEventTarget } from "../../src/events.js";

let reported: unknown[];

beforeEach(() => {
  reported = [];
  vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const MESSAGE = new MessageEvent("message", { data: '{"event":"said"}', origin: "ws://example.com", lastEventId: "x" });

test("nobody has to listen", () => {
  const target = new SocketEventTarget();
  target.fire("open", {});
  target.fireMessage(MESSAGE);
  expect([target.onopen, target.onmessage, target.onstatechange, target.onerror, target.onclose]).toEqual(
    Array(5).fill(null),
  );
  expect(target.binaryType).toBe("blob");
});

test("the property is called before the listeners, with the same event", () => {
  const target = new SocketEventTarget();
  const calls: [string, Event][] = [];
  target.addEventListener("open", (event) => calls.push(["listener", event]));
  target.onopen = (event) => calls.push(["property", event]);
  target.fire("open", {});
  expect(calls.map(([name]) => name)).toEqual(["property", "listener"]);
  expect(calls[0]?.[1]).toBe(calls[1]?.[1]);
  expect(calls[0]?.[1].type).toBe("open");
});

test("each type of event has its property, which is called as a method", () => {
  const target = new SocketEventTarget();
  const heard: unknown[] = [];
  function note(this: unknown, event: Event): void {
    heard.push([event.type, this === target]);
  }
  target.onopen = note;
  target.onmessage = note;
  target.onstatechange = note;
  target.onerror = note;
  target.onclose = note;
  target.fire("open", {});
  target.fireMessage(MESSAGE);
  target.fire("statechange", { state: "open", previous: "connecting" });
  target.fire("error", { error: new MicroSocketError("timeout"), event: undefined });
  target.fire("close", { code: 1000, reason: "", wasClean: true });
  expect(heard).toEqual(["open", "message", "statechange", "error", "close"].map((type) => [type, true]));
});

test("an event has the properties of its type", () => {
  const target = new SocketEventTarget();
  const events: Event[] = [];
  const error = new MicroSocketError("timeout");
  for (const type of ["statechange", "error", "close"]) target.addEventListener(type, (event) => events.push(event));
  target.fire("statechange", { state: "waiting", previous: "open", delay: 500, code: 1006 });
  target.fire("error", { error, event: "join" });
  target.fire("close", { code: 1001, reason: "bye", wasClean: true });
  expect(events[0]).toMatchObject({ state: "waiting", previous: "open", delay: 500, code: 1006 });
  expect(events[1]).toMatchObject({ error, event: "join" });
  expect(events[2]).toMatchObject({ code: 1001, reason: "bye", wasClean: true });
});

test("a property can be taken away", () => {
  const target = new SocketEventTarget();
  const calls: Event[] = [];
  target.onopen = (event) => calls.push(event);
  target.onopen = null;
  target.fire("open", {});
  expect(calls).toEqual([]);
});

test("what a property throws is reported, and the listeners are called all the same", () => {
  const target = new SocketEventTarget();
  const calls: Event[] = [];
  const error = new Error("in a property");
  target.onopen = () => {
    throw error;
  };
  target.addEventListener("open", (event) => calls.push(event));
  target.fire("open", {});
  expect(reported).toEqual([error]);
  expect(calls).toHaveLength(1);
});

test("a message is passed on to listeners with its data and origin", () => {
  const target = new SocketEventTarget();
  const heard: MessageEvent[] = [];
  target.addEventListener("message", (event) => heard.push(event));
  target.fireMessage(MESSAGE);
  expect(heard).toHaveLength(1);
  expect(heard[0]).toBeInstanceOf(MessageEvent);
  expect(heard[0]).not.toBe(MESSAGE);
  expect(heard[0]).toMatchObject({ data: '{"event":"said"}', origin: "ws://example.com" });
});

test("a message is passed on to the property when nothing else listens", () => {
  const target = new SocketEventTarget();
  const heard: unknown[] = [];
  target.onmessage = ({ data }) => heard.push(data);
  target.fireMessage(MESSAGE);
  expect(heard).toEqual(['{"event":"said"}']);
});

test("a message that nobody listens to is not looked at", () => {
  const target = new SocketEventTarget();
  target.addEventListener("open", () => {});
  vi.stubGlobal("MessageEvent", undefined);
  expect(() => target.fireMessage(MESSAGE)).not.toThrow();
});

test("listeners are those of any event target: objects, once, and until they are removed or aborted", () => {
  const target = new SocketEventTarget();
  const heard: string[] = [];
  const binding = new AbortController();
  const removed = () => heard.push("removed");
  target.addEventListener("open", { handleEvent: () => heard.push("object") });
  target.addEventListener("open", () => heard.push("once"), { once: true });
  target.addEventListener("open", () => heard.push("aborted"), { signal: binding.signal });
  target.addEventListener("open", removed);
  target.fire("open", {});
  target.removeEventListener("open", removed);
  binding.abort();
  target.fire("open", {});
  expect(heard).toEqual(["object", "once", "aborted", "removed", "object"]);
});
