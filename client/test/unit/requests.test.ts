import { beforeEach, expect, test, vi } from "vitest";
import { MicroSocketError } from "../../src/error.js";
import { createRequests } from "../../src/requests.js";

let requests: ReturnType<typeof createRequests>;

beforeEach(() => {
  requests = createRequests();
});

function waiter(streams = false) {
  return { streams, receive: vi.fn(), fail: vi.fn() };
}

test("ids count up and are never used again", () => {
  const ids = [requests.add(waiter()), requests.add(waiter())];
  for (const id of ids) requests.take(id);
  expect([...ids, requests.add(waiter())]).toEqual([0, 1, 2]);
});

test("an answer goes to who waits for it, once", () => {
  const [first, second] = [waiter(), waiter()];
  requests.add(first);
  const id = requests.add(second);
  const answer = { ack: id, payload: 1 };
  requests.settle(answer);
  requests.settle(answer);
  expect(second.receive.mock.calls).toEqual([[answer]]);
  expect(first.receive).not.toHaveBeenCalled();
});

test("items keep a request waiting, and its end does not", () => {
  const stream = waiter(true);
  const ack = requests.add(stream);
  for (const frame of [{ ack, item: 1 }, { ack, item: 2 }, { ack }, { ack, item: 3 }]) requests.settle(frame);
  expect(stream.receive).toHaveBeenCalledTimes(3);
});

test("a failure is an error with what the server said", () => {
  const failing = waiter();
  const ack = requests.add(failing);
  requests.settle({ ack, error: { code: "room_full", message: "Full", details: { limit: 2 } } });
  expect(failing.fail.mock.calls[0]?.[0]).toBeInstanceOf(MicroSocketError);
  expect(failing.fail.mock.calls[0]?.[0]).toMatchObject({ code: "room_full", message: "Full", details: { limit: 2 } });
});

test("replies that nobody waits for are ignored", () => {
  for (const ack of [0, -1, 1.5, 1e300]) {
    requests.settle({ ack, payload: null });
    requests.settle({ ack, item: 1 });
    requests.settle({ ack, error: { code: "x", message: "" } });
  }
  expect(requests.unanswered()).toBe(0);
});

test("streams do not count as unanswered", () => {
  requests.add(waiter(true));
  const id = requests.add(waiter());
  requests.add(waiter());
  expect(requests.unanswered()).toBe(2);
  requests.take(id);
  requests.take(id);
  expect(requests.unanswered()).toBe(1);
});

test("when no reply will come any more, all who wait are told", () => {
  const waiters = [waiter(), waiter(true)];
  for (const each of waiters) requests.add(each);
  // Who is told may ask again: that is for the next connection, and not told.
  waiters[0]?.fail.mockImplementation(() => requests.add(waiter()));
  const error = new MicroSocketError("disconnected");
  requests.failAll(error);
  for (const each of waiters) expect(each.fail.mock.calls).toEqual([[error]]);
  expect(requests.unanswered()).toBe(1);
});
