import { expect, test } from "vitest";
import { MicroSocketError } from "../../src/error.js";
import { createRequests, type Reply } from "../../src/requests.js";

/** A reply that notes what it gets. */
function record(streams = false): Reply & { readonly received: unknown[]; readonly failures: MicroSocketError[] } {
  const received: unknown[] = [];
  const failures: MicroSocketError[] = [];
  return {
    streams,
    received,
    failures,
    receive: (frame) => received.push(frame),
    fail: (error) => failures.push(error),
  };
}

test("ids count up from 0, and none is used twice", () => {
  const requests = createRequests();
  expect([requests.add(record()), requests.add(record())]).toEqual([0, 1]);
  requests.settle({ ack: 0, payload: null });
  requests.failAll(new MicroSocketError("disconnected"));
  expect(requests.add(record())).toBe(2);
});

test("an answer goes to who asked, once", () => {
  const requests = createRequests();
  const [first, second] = [record(), record()];
  requests.add(first);
  requests.add(second);
  requests.settle({ ack: 1, payload: "two" });
  requests.settle({ ack: 1, payload: "again" });
  expect(first.received).toEqual([]);
  expect(second.received).toEqual([{ ack: 1, payload: "two" }]);
});

test("a failure is told as an error", () => {
  const requests = createRequests();
  const reply = record();
  requests.add(reply);
  requests.settle({ ack: 0, error: { code: "room_full", message: "No", details: { capacity: 3 } } });
  expect(reply.received).toEqual([]);
  expect(reply.failures).toHaveLength(1);
  expect(reply.failures[0]).toBeInstanceOf(MicroSocketError);
  expect(reply.failures[0]).toMatchObject({ code: "room_full", message: "No", details: { capacity: 3 } });
});

test("items come one by one, and the end is the last that comes", () => {
  const requests = createRequests();
  const reply = record(true);
  requests.add(reply);
  requests.settle({ ack: 0, item: 1 });
  requests.settle({ ack: 0, item: null });
  requests.settle({ ack: 0 });
  requests.settle({ ack: 0, item: 3 });
  expect(reply.received).toEqual([{ ack: 0, item: 1 }, { ack: 0, item: null }, { ack: 0 }]);
});

test("a stream may fail after some items", () => {
  const requests = createRequests();
  const reply = record(true);
  requests.add(reply);
  requests.settle({ ack: 0, item: 1 });
  requests.settle({ ack: 0, error: { code: "timeout", message: "Too slow" } });
  expect(reply.received).toHaveLength(1);
  expect(reply.failures.map(({ code }) => code)).toEqual(["timeout"]);
});

test("replies that nobody waits for are passed over", () => {
  const requests = createRequests();
  const reply = record();
  requests.add(reply);
  requests.settle({ ack: 7, payload: 1 });
  requests.settle({ ack: 7, item: 1 });
  requests.settle({ ack: 7 });
  requests.settle({ ack: 7, error: { code: "timeout", message: "" } });
  expect(reply).toMatchObject({ received: [], failures: [] });
  expect(requests.unanswered()).toBe(1);
});

test("who stops to wait gets nothing any more", () => {
  const requests = createRequests();
  const reply = record();
  const id = requests.add(reply);
  expect(requests.take(id)).toBe(reply);
  expect(requests.take(id)).toBeUndefined();
  requests.settle({ ack: id, payload: 1 });
  expect(reply.received).toEqual([]);
});

test("the unanswered requests are counted, without the streams", () => {
  const requests = createRequests();
  expect(requests.unanswered()).toBe(0);
  const first = requests.add(record());
  const stream = requests.add(record(true));
  const second = requests.add({ receive() {}, fail() {} });
  expect(requests.unanswered()).toBe(2);
  requests.settle({ ack: first, payload: 1 });
  requests.settle({ ack: stream, item: 1 });
  requests.take(stream);
  requests.take(stream);
  expect(requests.unanswered()).toBe(1);
  requests.settle({ ack: second, error: { code: "timeout", message: "" } });
  expect(requests.unanswered()).toBe(0);
});

test("an answer of the wrong kind still counts for who gets it", () => {
  const requests = createRequests();
  const reply = record();
  requests.add(reply);
  requests.settle({ ack: 0, item: 1 });
  expect(reply.received).toEqual([{ ack: 0, item: 1 }]);
  expect(requests.unanswered()).toBe(1);
});

test("when no reply will come any more, all who wait are told, in order", () => {
  const requests = createRequests();
  const order: number[] = [];
  const error = new MicroSocketError("disconnected");
  for (const n of [0, 1, 2]) requests.add({ streams: n === 1, receive() {}, fail: () => order.push(n) });
  requests.failAll(error);
  requests.failAll(error);
  expect(order).toEqual([0, 1, 2]);
  expect(requests.unanswered()).toBe(0);
});

test("who is told so may ask again or take another back, which both work", () => {
  const requests = createRequests();
  const [taken, again] = [record(), record()];
  requests.add({
    receive() {},
    fail() {
      requests.take(1);
      requests.add(again);
    },
  });
  requests.add(taken);
  requests.failAll(new MicroSocketError("disconnected"));
  expect([taken.failures, again.failures]).toEqual([[], []]);
  expect(requests.unanswered()).toBe(1);
});
