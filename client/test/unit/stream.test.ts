import { beforeEach, expect, test, vi } from "vitest";
import { MicroSocketError } from "../../src/error.js";
import { createStream, type Stream } from "../../src/stream.js";

const send = vi.fn();
const cancel = vi.fn();
const over = vi.fn();
let stream: Stream<number>;

beforeEach(() => {
  vi.clearAllMocks();
  stream = createStream<number>(send, cancel, over);
});

const item = (value: number) => stream.reply.receive({ ack: 0, item: value });
const END = { done: true, value: undefined };

test("the request is sent when the first item is asked for, once", async () => {
  expect(send).not.toHaveBeenCalled();
  const first = stream.reader.next();
  const second = stream.reader.next();
  expect(send).toHaveBeenCalledTimes(1);
  item(1);
  item(2);
  expect(await first).toEqual({ done: false, value: 1 });
  expect(await second).toEqual({ done: false, value: 2 });
});

test("items that came before the end are read", async () => {
  const first = stream.reader.next();
  for (const value of [1, 2, 3]) item(value);
  stream.reply.receive({ ack: 0 });
  await first;
  expect(await stream.reader.next()).toEqual({ done: false, value: 2 });
  expect(await stream.reader.next()).toEqual({ done: false, value: 3 });
  expect(await stream.reader.next()).toEqual(END);
  expect(await stream.reader.next()).toEqual(END);
  expect(cancel).not.toHaveBeenCalled();
  expect(over).toHaveBeenCalledTimes(1);
});

test("an error is thrown after the items before it, once", async () => {
  const first = stream.reader.next();
  item(1);
  item(2);
  stream.reply.fail(new MicroSocketError("room_full"));
  await first;
  expect(await stream.reader.next()).toEqual({ done: false, value: 2 });
  await expect(stream.reader.next()).rejects.toMatchObject({ code: "room_full" });
  expect(await stream.reader.next()).toEqual(END);
});

test("who leaves cancels the request, also while waiting for an item", async () => {
  const waiting = stream.reader.next();
  expect(await stream.reader.return(undefined)).toEqual(END);
  expect(await waiting).toEqual(END);
  expect(cancel).toHaveBeenCalledTimes(1);
  item(1);
  expect(await stream.reader.next()).toEqual(END);
});

test("who leaves before the start sends nothing, and who leaves after the end cancels nothing", async () => {
  await stream.reader.return(undefined);
  expect(await stream.reader.next()).toEqual(END);
  expect(send).not.toHaveBeenCalled();
  const ended = createStream<number>(send, cancel, over);
  const first = ended.reader.next();
  ended.reply.receive({ ack: 0 });
  await first;
  vi.clearAllMocks();
  await ended.reader.return(undefined);
  expect(cancel).not.toHaveBeenCalled();
});

test("a reader 1,000 items behind gets those, and then overloaded", async () => {
  const first = stream.reader.next();
  item(0);
  await first;
  for (let value = 1; value <= 1000; value++) item(value);
  expect(cancel).not.toHaveBeenCalled();
  item(1001);
  expect(cancel).toHaveBeenCalledTimes(1);
  const read: number[] = [];
  const reading = (async () => {
    for await (const value of stream.reader) read.push(value);
  })();
  await expect(reading).rejects.toMatchObject({ code: "overloaded" });
  expect(read).toHaveLength(1000);
});

test("stopped with an error, it forgets what was not read and throws that", async () => {
  const first = stream.reader.next();
  item(1);
  item(2);
  await first;
  stream.stop(new MicroSocketError("cancelled"));
  await expect(stream.reader.next()).rejects.toMatchObject({ code: "cancelled" });
  expect(cancel).toHaveBeenCalledTimes(1);
});

test("stopped before the start, it throws and sends nothing", async () => {
  stream.stop(new MicroSocketError("cancelled"));
  await expect(stream.reader.next()).rejects.toMatchObject({ code: "cancelled" });
  expect(send).not.toHaveBeenCalled();
});

test("an answer in place of items is an error that says so", async () => {
  const first = stream.reader.next();
  stream.reply.receive({ ack: 0, payload: 1 });
  await expect(first).rejects.toMatchObject({ code: "bad_frame" });
  stream.reply.fail(new MicroSocketError("too late"));
  expect(await stream.reader.next()).toEqual(END);
});
