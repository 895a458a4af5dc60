import { expect, test } from "vitest";
import { MicroSocketError } from "../../src/error.js";
import { createStream } from "../../src/stream.js";

/** A stream, and what it did about its request. */
function record() {
  const done: string[] = [];
  const stream = createStream<number>(
    () => done.push("send"),
    () => done.push("cancel"),
    () => done.push("over"),
  );
  const item = (n: number) => stream.reply.receive({ ack: 0, item: n });
  return { ...stream, done, item, end: () => stream.reply.receive({ ack: 0 }) };
}

/** All that is left to read, and what is thrown then. */
async function rest(reader: AsyncIterable<number>): Promise<{ items: number[]; error?: unknown }> {
  const items: number[] = [];
  try {
    for await (const item of reader) items.push(item);
    return { items };
  } catch (error) {
    return { items, error };
  }
}

const END = { done: true, value: undefined };

test("the request is sent when the first item is asked for, and once", async () => {
  const { reader, done, item } = record();
  await Promise.resolve();
  expect(done).toEqual([]);
  const [first, second] = [reader.next(), reader.next()];
  expect(done).toEqual(["send"]);
  item(1);
  item(2);
  expect(await Promise.all([first, second])).toEqual([
    { done: false, value: 1 },
    { done: false, value: 2 },
  ]);
  expect(done).toEqual(["send"]);
});

test("items are read in order, whether they came before they were asked for or after", async () => {
  const { reader, done, item, end } = record();
  const first = reader.next();
  item(1);
  expect(await first).toEqual({ done: false, value: 1 });
  item(2);
  item(3);
  expect(await reader.next()).toEqual({ done: false, value: 2 });
  end();
  expect(await rest(reader)).toEqual({ items: [3] });
  expect(done).toEqual(["send", "over"]);
});

test("its replies are a stream's, which may take for ever", () => {
  expect(record().reply.streams).toBe(true);
});

test("the end wakes a reader who waits", async () => {
  const { reader, end } = record();
  const waiting = reader.next();
  end();
  expect(await waiting).toEqual(END);
  expect(await reader.next()).toEqual(END);
});

test("a failure comes after the items before it, and once", async () => {
  const { reader, reply, item, done } = record();
  const first = reader.next();
  const error = new MicroSocketError("timeout");
  item(1);
  item(2);
  reply.fail(error);
  await first;
  expect(await rest(reader)).toEqual({ items: [2], error });
  expect(await reader.next()).toEqual(END);
  expect(done).toEqual(["send", "over"]);
});

test("a failure wakes a reader who waits", async () => {
  const { reader, reply } = record();
  const waiting = reader.next();
  reply.fail(new MicroSocketError("disconnected"));
  await expect(waiting).rejects.toMatchObject({ code: "disconnected" });
});

test("a request that fails while it is sent is a failure like any other", async () => {
  const stream = createStream<number>(
    () => stream.reply.fail(new MicroSocketError("too_large")),
    () => {},
    () => {},
  );
  await expect(stream.reader.next()).rejects.toMatchObject({ code: "too_large" });
});

test("only the first end counts", async () => {
  const { reader, reply, end, done } = record();
  const waiting = reader.next();
  end();
  reply.fail(new MicroSocketError("timeout"));
  end();
  expect(await waiting).toEqual(END);
  expect(done).toEqual(["send", "over"]);
});

test("an answer is no stream", async () => {
  const { reader, reply } = record();
  const waiting = reader.next();
  reply.receive({ ack: 0, payload: 1 });
  await expect(waiting).rejects.toMatchObject({ code: "bad_frame" });
});

test("who leaves the loop cancels the request", async () => {
  const { reader, item, done } = record();
  const first = reader.next();
  item(1);
  item(2);
  item(3);
  await first;
  for await (const _ of reader) break;
  expect(done).toEqual(["send", "cancel", "over"]);
  expect(await reader.next()).toEqual(END);
});

test("who leaves while a read waits ends that read", async () => {
  const { reader, done } = record();
  const waiting = reader.next();
  expect(await reader.return(undefined)).toEqual(END);
  expect(await waiting).toEqual(END);
  expect(done).toEqual(["send", "cancel", "over"]);
});

test("who leaves before the first read sends nothing", async () => {
  const { reader, done } = record();
  await reader.return(undefined);
  expect(await reader.next()).toEqual(END);
  expect(done).not.toContain("send");
});

test("who leaves after the end cancels nothing, and forgets what was not read", async () => {
  const { reader, item, end, done } = record();
  const first = reader.next();
  item(1);
  item(2);
  end();
  await first;
  await reader.return(undefined);
  expect(await reader.next()).toEqual(END);
  expect(done).toEqual(["send", "over"]);
});

test("who leaves after a failure does not get it any more", async () => {
  const { reader, reply } = record();
  const first = reader.next();
  reply.receive({ ack: 0, item: 1 });
  reply.fail(new MicroSocketError("timeout"));
  await first;
  expect(await reader.return(undefined)).toEqual(END);
  expect(await reader.next()).toEqual(END);
});

test("who leaves before a failure reaches a read that waits does not get it either", async () => {
  const { reader, reply } = record();
  const waiting = reader.next();
  reply.fail(new MicroSocketError("timeout"));
  const left = reader.return(undefined);
  expect(await Promise.all([waiting, left])).toEqual([END, END]);
});

test("stopped with an error, the reader gets that next, in place of what was not read", async () => {
  const { reader, stop, item, done } = record();
  const first = reader.next();
  item(1);
  item(2);
  await first;
  const error = new MicroSocketError("cancelled");
  stop(error);
  expect(await rest(reader)).toEqual({ items: [], error });
  expect(done).toEqual(["send", "cancel", "over"]);
});

test("stopped before the first read, nothing is sent and the reader gets the error", async () => {
  const { reader, stop, done } = record();
  stop(new MicroSocketError("cancelled"));
  await expect(reader.next()).rejects.toMatchObject({ code: "cancelled" });
  expect(done).not.toContain("send");
});

test("a reader may be 1,000 items behind", async () => {
  const { reader, item, end, done } = record();
  void reader.next();
  const numbers = Array.from({ length: 1_000 }, (_, n) => n);
  for (const n of numbers) item(n);
  end();
  expect((await rest(reader)).items).toEqual(numbers.slice(1));
  expect(done).toEqual(["send", "over"]);
});

test("a reader who is further behind gets those items and then `overloaded`", async () => {
  const { reader, item, done } = record();
  const first = reader.next();
  item(-1);
  await first;
  const numbers = Array.from({ length: 1_000 }, (_, n) => n);
  for (const n of [...numbers, 1_000, 1_001]) item(n);
  expect(done.slice(0, 3)).toEqual(["send", "cancel", "over"]);
  const { items, error } = await rest(reader);
  expect(items).toEqual(numbers);
  expect(error).toMatchObject({ code: "overloaded" });
});

test("who leaves by an error cancels the request, also while waiting for an item", async () => {
  const { reader, done } = record();
  const waiting = reader.next();
  await expect(reader.throw(new Error("mine"))).rejects.toThrow("mine");
  expect(await waiting).toEqual(END);
  expect(done).toEqual(["send", "cancel", "over"]);
});
