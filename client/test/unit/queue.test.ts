import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createMessage, type Message } from "../../src/message.js";
import { createQueue, type DropReason, type QueueLimits } from "../../src/queue.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A queue, and what it dropped. */
function record(limits: QueueLimits = {}) {
  const lost: [event: string, reason: DropReason][] = [];
  return { lost, queue: createQueue(limits, ({ event }, reason) => lost.push([event, reason])) };
}

function messagesOf(...events: string[]): Message[] {
  return events.map((event) => createMessage(event, undefined));
}

/** A message that counts as so many characters. */
function sized(characters: number): Message {
  const message = createMessage("x", "x".repeat(characters - 14));
  expect(message.tail).toHaveLength(characters);
  return message;
}

test("messages come out in the order in which they came", () => {
  const { queue, lost } = record();
  const messages = messagesOf("a", "b", "c");
  for (const message of messages) queue.push(message);
  const out: (Message | undefined)[] = [];
  for (let message = queue.next(); message; message = queue.next()) {
    out.push(message);
    queue.remove(message);
  }
  expect(out).toEqual(messages);
  expect(queue.length()).toBe(0);
  expect(lost).toEqual([]);
});

test("a message that was sent keeps its place, and the next one is the first that was not", () => {
  const { queue } = record();
  const [first, second] = messagesOf("a", "b") as [Message, Message];
  queue.push(first);
  queue.push(second);
  first.id = 0;
  expect(queue.next()).toBe(second);
  expect(queue.length()).toBe(2);
  first.id = undefined;
  expect(queue.next()).toBe(first);
});

test("a message is taken out once", () => {
  const { queue } = record();
  const [message] = messagesOf("a") as [Message];
  expect(queue.remove(message)).toBe(false);
  queue.push(message);
  expect(queue.remove(message)).toBe(true);
  expect(queue.remove(message)).toBe(false);
});

test("where there is no room, the newest message is dropped", () => {
  const { queue, lost } = record({ size: 2 });
  const messages = messagesOf("a", "b", "c");
  for (const message of messages) queue.push(message);
  expect(lost).toEqual([["c", "overloaded"]]);
  expect(queue.next()).toBe(messages[0]);
  queue.remove(messages[0] as Message);
  queue.push(messages[2] as Message);
  expect(queue.length()).toBe(2);
  expect(lost).toHaveLength(1);
});

test("a queue of size 0 keeps nothing", () => {
  const { queue, lost } = record({ size: 0 });
  for (const message of messagesOf("a")) queue.push(message);
  expect(lost).toEqual([["a", "overloaded"]]);
  expect(queue.next()).toBeUndefined();
});

test("the characters of all messages together are bounded, and those taken out make room", () => {
  const { queue, lost } = record({ characters: 100 });
  const [half, other, more] = [sized(50), sized(50), sized(20)];
  queue.push(half);
  queue.push(other);
  queue.push(more);
  expect(lost).toEqual([["x", "overloaded"]]);
  queue.remove(half);
  queue.push(more);
  expect(queue.length()).toBe(2);
  expect(lost).toHaveLength(1);
});

test("without limits, 256 messages and 1,048,576 characters may wait for a minute", () => {
  const many = record();
  for (const message of messagesOf(...Array.from({ length: 257 }, (_, n) => `${n}`))) many.queue.push(message);
  expect(many.lost).toEqual([["256", "overloaded"]]);

  const large = record();
  large.queue.push(sized(1_048_576));
  large.queue.push(sized(14));
  expect(large.queue.length()).toBe(1);
  const larger = record();
  larger.queue.push(sized(1_048_577));
  expect(larger.lost).toEqual([["x", "overloaded"]]);

  vi.advanceTimersByTime(59_999);
  expect(large.queue.length()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(large.queue.length()).toBe(0);
  expect(large.lost.at(-1)).toEqual(["x", "timeout"]);
});

test("each message waits for as long as it may, and no longer", () => {
  const { queue, lost } = record({ age: 1_000 });
  const [first, second] = messagesOf("a", "b") as [Message, Message];
  queue.push(first);
  vi.advanceTimersByTime(600);
  queue.push(second);
  vi.advanceTimersByTime(400);
  expect(lost).toEqual([["a", "timeout"]]);
  vi.advanceTimersByTime(600);
  expect(lost).toEqual([
    ["a", "timeout"],
    ["b", "timeout"],
  ]);
});

test("a message that expired makes room", () => {
  const { queue, lost } = record({ characters: 60, age: 1_000 });
  queue.push(sized(60));
  vi.advanceTimersByTime(1_000);
  queue.push(sized(60));
  expect(queue.length()).toBe(1);
  expect(lost).toEqual([["x", "timeout"]]);
});

test("a message that was sent or taken out does not expire", () => {
  const { queue, lost } = record({ age: 1_000 });
  const [sent, taken] = messagesOf("a", "b") as [Message, Message];
  queue.push(sent);
  queue.push(taken);
  sent.id = 0;
  queue.remove(taken);
  vi.advanceTimersByTime(10_000);
  expect(lost).toEqual([]);
  expect(queue.length()).toBe(1);
});

test("a message may wait for ever", () => {
  const { queue, lost } = record({ age: Number.POSITIVE_INFINITY });
  for (const message of messagesOf("a")) queue.push(message);
  vi.advanceTimersByTime(86_400_000);
  expect(queue.length()).toBe(1);
  expect(lost).toEqual([]);
});

test("without a connection to come, all messages are dropped in order, those sent among them", () => {
  const { queue, lost } = record();
  const messages = messagesOf("a", "b", "c");
  for (const message of messages) queue.push(message);
  (messages[1] as Message).id = 0;
  queue.clear();
  expect(vi.getTimerCount()).toBe(0);
  expect(lost).toEqual(["a", "b", "c"].map((event) => [event, "disconnected"]));
  expect(queue.length()).toBe(0);
});

test("whoever is told of a dropped message may take out another, which is not dropped", () => {
  const lost: string[] = [];
  const [first, second] = messagesOf("a", "b") as [Message, Message];
  const queue = createQueue({}, ({ event }) => {
    lost.push(event);
    queue.remove(second);
  });
  queue.push(first);
  queue.push(second);
  queue.clear();
  expect(lost).toEqual(["a"]);
});

test("whatever happens, the bounds hold, the order is kept, and nothing is lost unseen", () => {
  const next = randomFrom(42);
  for (let run = 0; run < 50; run++) {
    const limits = { size: 1 + Math.floor(next() * 10), characters: 20 + Math.floor(next() * 400), age: 1_000 };
    const lost = new Set<Message>();
    const queue = createQueue(limits, (message) => {
      expect(lost).not.toContain(message);
      lost.add(message);
    });
    let kept: Message[] = [];
    let pushed = 0;
    let taken = 0;
    for (let step = 0; step < 200; step++) {
      const choice = next();
      if (choice < 0.6) {
        const message = createMessage("event", "x".repeat(Math.floor(next() * 100)));
        pushed++;
        kept.push(message);
        queue.push(message);
      } else if (choice < 0.8) {
        const message = kept[Math.floor(next() * kept.length)];
        if (message) {
          expect(queue.remove(message)).toBe(true);
          kept = kept.filter((other) => other !== message);
          taken++;
        }
      } else if (choice < 0.97) vi.advanceTimersByTime(Math.floor(next() * 400));
      else queue.clear();
      kept = kept.filter((message) => !lost.has(message));
      expect(queue.length()).toBe(kept.length);
      expect(queue.next()).toBe(kept[0]);
      expect(kept.length).toBeLessThanOrEqual(limits.size);
      expect(kept.reduce((sum, { tail }) => sum + tail.length, 0)).toBeLessThanOrEqual(limits.characters);
      expect(pushed).toBe(kept.length + taken + lost.size);
    }
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

test("a message that was sent and came back expires when it is too old", () => {
  const { queue, lost } = record({ age: 1000 });
  const [message] = messagesOf("a") as [Message];
  queue.push(message);
  message.id = 0;
  vi.advanceTimersByTime(5000);
  expect(lost).toEqual([]);
  message.id = undefined;
  vi.advanceTimersByTime(1000);
  expect(lost).toEqual([["a", "timeout"]]);
});
