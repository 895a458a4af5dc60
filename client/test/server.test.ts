// The client in Node against a real server of ours.

import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Dropped, MicroSocket } from "../src/index.js";
import { MicroSocketError } from "../src/index.js";
import { closeAll, connect, freePort, next, reaches, Server, thrown } from "./peers.js";

let server: Server;
let hall: string;

beforeAll(async () => {
  server = await new Server(await freePort()).start();
  hall = `${server.url}/hall`;
});

afterAll(() => server.stop("SIGKILL"));
afterEach(closeAll);

/** What a socket hears as `said`. */
function record(socket: MicroSocket): unknown[] {
  const heard: unknown[] = [];
  socket.on("said", (payload) => heard.push(payload));
  return heard;
}

test("a request resolves to its answer", async () => {
  const socket = connect(hall);
  expect(await socket.request("double", 21)).toBe(42);
  expect(await socket.request("nothing")).toBeNull();
  const answers = await Promise.all([1, 2, 3].map((n) => socket.request("double", n)));
  expect(answers).toEqual([2, 4, 6]);
});

test("errors have the code, message and details of the server", async () => {
  const socket = connect(hall);
  const full = await thrown(socket.request("enter"));
  expect(full).toBeInstanceOf(MicroSocketError);
  expect(full).toMatchObject({ code: "room_full", details: 3 });
  const invalid = await thrown(socket.request("double", "x"));
  expect(invalid).toMatchObject({ code: "invalid_payload", details: [{ type: "int_parsing" }] });
  expect(await thrown(socket.request("toString"))).toMatchObject({ code: "unknown_event" });
});

test("what fails without a request is an error event", async () => {
  const socket = connect(hall);
  await socket.ready;
  const failed = next(socket, "error");
  socket.send("double", "x");
  expect((await failed).error.code).toBe("invalid_payload");
  expect((await failed).event).toBe("double");
});

test("events are told to their listeners, in order, with the name and the message", async () => {
  const socket = connect(hall);
  const calls: unknown[][] = [];
  socket.on("said", (payload, event, wsEvent) => calls.push([payload, event, JSON.parse(wsEvent.data)]));
  await socket.request("say", "one");
  await socket.request("say", "two");
  expect(calls).toEqual([
    ["one", "said", { event: "said", payload: "one" }],
    ["two", "said", { event: "said", payload: "two" }],
  ]);
});

test("a stream yields its items and ends", async () => {
  const socket = connect(hall);
  const items: unknown[] = [];
  for await (const item of socket.stream("count", 5)) items.push(item);
  expect(items).toEqual([0, 1, 2, 3, 4]);
});

test("leaving the loop cancels the stream on the server", async () => {
  const socket = connect(hall);
  const before = (await socket.request("cancelled")) as number;
  for await (const item of socket.stream("count", 1_000_000)) if (item === 3) break;
  await vi.waitFor(async () => expect(await socket.request("cancelled")).toBe(before + 1));
});

test("a reader that is 1,000 items behind gets those and then overloaded", async () => {
  const socket = connect(hall);
  const stream = socket.stream("count", 1_000_000);
  const before = (await socket.request("cancelled")) as number;
  await stream.next();
  await vi.waitFor(async () => expect(await socket.request("cancelled")).toBe(before + 1), 10_000);
  const items: unknown[] = [];
  const error = await thrown(
    (async () => {
      for await (const item of stream) items.push(item);
    })(),
  );
  expect(error.code).toBe("overloaded");
  expect(items).toHaveLength(1000);
});

test("the server's questions are answered", async () => {
  const socket = connect(hall);
  const unbind = socket.handle("confirm", async (text) => text === "sure?");
  expect(await socket.request("question", "sure?")).toBe(true);
  expect(await socket.request("question", "no")).toBe(false);
  unbind();
  expect(await thrown(socket.request("question", "sure?"))).toMatchObject({ code: "internal_error" });
});

test("a time limit and a signal cancel a request", async () => {
  const socket = connect(hall);
  await socket.ready;
  expect(await thrown(socket.request("wait", undefined, { timeout: 20 }))).toMatchObject({ code: "timeout" });
  const aborting = new AbortController();
  const waiting = thrown(socket.request("wait", undefined, { signal: aborting.signal }));
  aborting.abort("enough");
  expect(await waiting).toMatchObject({ code: "cancelled", cause: "enough" });
  // The handlers were cancelled: the next event does not wait for them.
  expect(await socket.request("double", 1)).toBe(2);
});

test("auth data is asked anew before each attempt and arrives", async () => {
  let asked = 0;
  const socket = connect(hall, { auth: async () => ({ token: `token-${++asked}-ü` }) });
  await socket.ready;
  expect(await socket.request("tokens")).toContain("token-1-ü");
});

test("a refusal with 4401 is final when it comes twice in a row", async () => {
  let asked = 0;
  const socket = connect(hall, {
    auth: () => {
      asked++;
      return { token: "unauthorized" };
    },
  });
  const close = await next(socket, "close");
  expect(close).toMatchObject({ code: 4401, reason: "unauthorized" });
  expect(asked).toBe(2);
});

test("a new token after 4401 is worth a try", async () => {
  const tokens = ["unauthorized", "good"];
  const socket = connect(hall, { auth: () => ({ token: tokens.shift() }) });
  await socket.ready;
  expect(await socket.request("double", 1)).toBe(2);
});

test("a refusal with 4503 and an unknown path are final at once", async () => {
  const forbidden = connect(hall, { auth: { token: "forbidden" } });
  expect(await next(forbidden, "close")).toMatchObject({ code: 4503, reason: "forbidden" });
  expect(forbidden.state).toBe("closed");
});

test("a plain client speaks to an application of 1.0", async () => {
  const socket = connect(`${server.url}/anywhere`, { plain: true });
  const heard = new Promise((resolve) => socket.on("shouted", resolve));
  socket.send("shout", "hi");
  expect(await heard).toBe("hi");
  expect(socket.hello).toBeNull();
  expect(socket.protocol).toBe("");
});

test("after a killed server it connects again, joins again, and sends what waited", { timeout: 40_000 }, async () => {
  const other = await new Server(await freePort()).start();
  try {
    const socket = connect(`${other.url}/hall`);
    const heard = record(socket);
    const members: unknown[] = [];
    let opened = 0;
    let closed = 0;
    socket.onclose = () => closed++;
    socket.onopen = async () => {
      opened++;
      members.push(await socket.request("join", "lobby"));
    };
    await vi.waitFor(() => expect(members).toEqual([1]));
    const waiting = thrown(socket.request("wait"));
    await other.stop("SIGKILL");
    expect(await waiting).toMatchObject({ code: "disconnected" });
    await reaches(socket, "waiting");
    const texts = Array.from({ length: 30 }, (_, n) => `text ${n}`);
    for (const text of texts) socket.send("say", text);
    const answer = socket.request("double", 4);
    await other.start();
    expect(await answer).toBe(8);
    expect(heard).toEqual(texts);
    expect(members).toEqual([1, 1]);
    expect({ opened, closed }).toEqual({ opened: 2, closed: 0 });
  } finally {
    await other.stop("SIGKILL");
  }
});

test("a queue that the server slows down arrives whole and in order", async () => {
  const dropped: Dropped[] = [];
  const socket = connect(hall, { onDropped: (each) => dropped.push(each) });
  const heard = record(socket);
  const texts = Array.from({ length: 12 }, (_, n) => `text ${n}`);
  for (const text of texts) socket.send("limited", text);
  await vi.waitFor(() => expect(heard).toHaveLength(12), 10_000);
  expect(heard).toEqual(texts);
  expect(dropped).toEqual([]);
});

test("a frame that the server does not take is lost here and not on the way", async () => {
  const dropped: Dropped[] = [];
  const socket = connect(hall, { onDropped: (each) => dropped.push(each) });
  await socket.ready;
  const large = "x".repeat(2_000_000);
  socket.send("say", large);
  expect(await thrown(socket.request("say", large))).toMatchObject({ code: "too_large" });
  expect(dropped).toMatchObject([{ reason: "too_large", sent: false }, { reason: "too_large" }]);
  expect(await socket.request("double", 1)).toBe(2);
});
