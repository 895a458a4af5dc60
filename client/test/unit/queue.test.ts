import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createMessage, type Message } from "../../src/message.js";
import { createQueue, type QueueLimits } from "../../src/queue.js";

let dropped: [string, string][];

beforeEach(() => {
  vi.useFakeTimers();
  dropped = [];
});

afterEach(() => vi.useRealTimers());

function queueOf(limits: QueueLimits = {}) {
  return createQueue(limits, ({ event }, reason) => dropped.push([event, reason]));
}

function message(event: string, payload?: unknown): Message {
  return createMessage(event, payload);
}

test("messages come out in the order in which they went in", () => {
  const queue = queueOf();
  const messages = ["a", "b", "c"].map((event) => message(event));
  for (const each of messages) queue.push(each);
  const order: string[] = [];
  for (let next = queue.next(); next; next = queue.next()) {
    order.push(next.event);
    expect(queue.remove(next)).toBe(true);
  }
  expect(order).toEqual(["a", "b", "c"]);
  expect(queue.length()).toBe(0);
});

test("a message that was sent keeps its place until it is removed", () => {
  const queue = queueOf();
  const [a, b] = [message("a"), message("b")];
  queue.push(a);
  queue.push(b);
  a.id = 1;
  expect(queue.next()).toBe(b);
  a.id = undefined;
  expect(queue.next()).toBe(a);
  expect(queue.remove(a)).toBe(true);
  expect(queue.remove(a)).toBe(false);
});

test("a full queue refuses the new message", () => {
  const queue = queueOf({ size: 2 });
  for (const event of ["a", "b", "c"]) queue.push(message(event));
  expect(dropped).toEqual([["c", "overloaded"]]);
  expect(queue.next()?.event).toBe("a");
});

test("a queue is bounded in characters, too", () => {
  const queue = queueOf({ characters: 100 });
  queue.push(message("large", "x".repeat(60)));
  queue.push(message("too much", "x".repeat(60)));
  queue.push(message("small"));
  expect(dropped).toEqual([["too much", "overloaded"]]);
  expect(queue.length()).toBe(2);
});

test("what has waited for too long is dropped, and what was sent is not", () => {
  const queue = queueOf({ age: 1000 });
  const sent = message("sent");
  queue.push(sent);
  sent.id = 1;
  queue.push(message("old"));
  vi.advanceTimersByTime(500);
  queue.push(message("young"));
  vi.advanceTimersByTime(500);
  expect(dropped).toEqual([["old", "timeout"]]);
  expect(queue.next()?.event).toBe("young");
  expect(queue.length()).toBe(2);
});

test("an endless age is no timer that fires at once", () => {
  const queue = queueOf({ age: Number.POSITIVE_INFINITY });
  queue.push(message("patient"));
  vi.advanceTimersByTime(10 * 24 * 3600 * 1000);
  expect(dropped).toEqual([]);
});

test("a queue that is cleared drops all, and leaves no timer", () => {
  const queue = queueOf();
  for (const event of ["a", "b"]) queue.push(message(event));
  queue.clear();
  expect(dropped).toEqual([
    ["a", "disconnected"],
    ["b", "disconnected"],
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a message that is taken out while others are dropped is not told as lost", () => {
  const [a, b] = [message("a"), message("b")];
  const queue = createQueue({}, ({ event }) => {
    dropped.push([event, ""]);
    queue.remove(b);
  });
  queue.push(a);
  queue.push(b);
  queue.clear();
  expect(dropped).toEqual([["a", ""]]);
});

test("whatever happens, it stays within its bounds and keeps its order", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed % below;
  };
  const queue = queueOf({ size: 20, characters: 400, age: 100 });
  const inside = new Set<Message>();
  let last = -1;
  for (let n = 0; n < 5000; n++) {
    if (random(3) > 0) {
      const pushed = message(String(n), "x".repeat(random(40)));
      const before = queue.length();
      queue.push(pushed);
      if (queue.length() > before) inside.add(pushed);
    } else {
      const next = queue.next();
      if (next) {
        expect(Number(next.event)).toBeGreaterThan(last);
        last = Number(next.event);
        queue.remove(next);
        inside.delete(next);
      }
    }
    if (random(10) === 0) vi.advanceTimersByTime(random(60));
    expect(queue.length()).toBeLessThanOrEqual(20);
  }
});
