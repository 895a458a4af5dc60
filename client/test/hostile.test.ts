// A server that means ill, or is broken.

import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type WebSocket from "ws";
import { WebSocketServer } from "ws";
import { closeAll, connect, next, reaches, thrown } from "./peers.js";

const HELLO = JSON.stringify({ event: "$hello", payload: { id: "1", limits: {}, features: [], contract: null } });
const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "then"];

let server: WebSocketServer;
let url: string;
let accept: (peer: WebSocket) => void;
const uncaught = vi.fn();

beforeEach(async () => {
  accept = (peer) => peer.send(HELLO);
  server = new WebSocketServer({ host: "127.0.0.1", port: 0, maxPayload: 0 });
  await once(server, "listening");
  url = `ws://127.0.0.1:${(server.address() as { port: number }).port}/`;
  server.on("connection", (peer) => accept(peer));
  vi.stubGlobal("reportError", uncaught);
  process.on("uncaughtException", uncaught).on("unhandledRejection", uncaught);
});

afterEach(() => {
  closeAll();
  for (const peer of server.clients) peer.terminate();
  server.close();
  process.off("uncaughtException", uncaught).off("unhandledRejection", uncaught);
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  expect(uncaught).not.toHaveBeenCalled();
});

/** An open socket and the server's end of it. */
async function pair() {
  let peer: WebSocket | undefined;
  accept = (connected) => {
    peer = connected;
    connected.send(HELLO);
  };
  const socket = connect(url);
  await socket.ready;
  return { socket, peer: peer as WebSocket };
}

/** Resolves when all that was sent before has been received. */
async function received(socket: ReturnType<typeof connect>, peer: WebSocket): Promise<void> {
  const end = new Promise((resolve) => socket.once("the end", resolve));
  peer.send('{"event":"the end"}');
  await end;
}

test("names of Object.prototype are names like others", async () => {
  const { socket, peer } = await pair();
  const heard: unknown[] = [];
  const any: unknown[] = [];
  for (const name of NAMES) peer.send(JSON.stringify({ event: name, payload: "nobody listens" }));
  await received(socket, peer);
  socket.onAny((_payload, event) => any.push(event));
  for (const name of NAMES) {
    socket.on(name, (payload) => heard.push([name, payload]));
    socket.handle(name, () => name);
  }
  for (const name of NAMES) peer.send(`{"event":"${name}","payload":{"${name}":{"polluted":true}}}`);
  await received(socket, peer);
  expect(heard).toHaveLength(NAMES.length);
  expect(any).toEqual([...NAMES, "the end"]);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("errors of any code and details are errors", async () => {
  const { socket, peer } = await pair();
  peer.on("message", (data) => {
    const { id, payload } = JSON.parse(String(data));
    peer.send(
      `{"ack":${id},"error":{"code":"${payload}","message":${payload.length},"details":{"__proto__":{"polluted":1}}}}`,
    );
  });
  for (const name of NAMES) expect(await thrown(socket.request("fail", name))).toMatchObject({ code: name });
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("frames of any shape are survived", async () => {
  const { socket, peer } = await pair();
  const values = [
    "null",
    "1",
    '"x"',
    "[]",
    "{}",
    "true",
    "1e400",
    "-1",
    '{"__proto__":1}',
    '"\\ud800"',
    "[".repeat(20_000),
  ];
  const keys = ["event", "id", "ack", "error", "item", "payload"];
  // Not `$drain`: told to go, a client goes.
  const events = ['"$hello"', '"$error"', '"$ping"', '"$cancel"', '"$"', '"x"'];
  for (const value of values) {
    peer.send(value);
    for (const key of keys) {
      peer.send(`{"${key}":${value}}`);
      peer.send(`{"ack":0,"${key}":${value}}`);
      for (const event of events) peer.send(`{"event":${event},"${key}":${value}}`);
    }
  }
  for (const half of ["", "{", '{"event":"x', '{"event":"x","payload":', "\u0000", "\ufeff{}"]) peer.send(half);
  peer.send(Buffer.from([0, 255, 128]));
  socket.onerror = () => {};
  await received(socket, peer);
  expect(socket.state).toBe("open");
});

test("a huge frame is one frame", async () => {
  const { socket, peer } = await pair();
  const heard = new Promise((resolve) => socket.once("huge", (payload) => resolve((payload as string).length)));
  peer.send(JSON.stringify({ event: "huge", payload: "x".repeat(20_000_000) }));
  expect(await heard).toBe(20_000_000);
});

test("10,000 frames a second leave nothing behind", async () => {
  const { socket, peer } = await pair();
  let heard = 0;
  socket.on("flood", () => heard++);
  socket.handle("ask", () => null);
  socket.onerror = () => {};
  const frames = [
    '{"event":"flood","payload":{"n":1}}',
    '{"ack":12345,"payload":1}',
    '{"ack":12345,"item":1}',
    HELLO,
    '{"event":"$error","payload":{"code":"x","message":""}}',
    '{"event":"$drain","payload":{"after_ms":3600000}}',
    '{"event":"ask","id":7}',
    '{"event":"nobody asked","id":8}',
    "{",
  ];
  const flood = async (count: number) => {
    for (let n = 0; n < count; n++) peer.send(frames[n % frames.length] as string);
    await received(socket, peer);
  };
  await flood(10_000);
  const before = process.memoryUsage().heapUsed;
  const at = performance.now();
  for (let round = 0; round < 5; round++) await flood(10_000);
  expect(50_000 / (performance.now() - at)).toBeGreaterThan(10);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000);
  expect(heard).toBeGreaterThan(6000);
  expect(socket.state).toBe("open");
});

test.each([0, -1, 1e300, "1", null, {}, [0]])("with retry_after and after_ms of %j it keeps 200 ms", async (time) => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  const times: number[] = [];
  const busy = { code: "rate_limited", message: "", details: { retry_after: time } };
  accept = (peer) => {
    times.push(performance.now());
    peer.send(HELLO);
    peer.send(JSON.stringify({ event: "$error", payload: busy }));
    peer.close(1013);
  };
  connect(url).onerror = () => {};
  await vi.waitFor(() => expect(times.length).toBeGreaterThan(3), 5000);
  const gaps = times.slice(1).map((at, index) => at - (times[index] as number));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(199);
});

test("a queue that is refused for ever is sent no faster than five times a second", async () => {
  const times: number[] = [];
  accept = (peer) => {
    peer.send(HELLO);
    peer.on("message", (data) => {
      times.push(performance.now());
      const { id } = JSON.parse(String(data));
      peer.send(JSON.stringify({ ack: id, error: { code: "overloaded", message: "", details: { retry_after: 0 } } }));
    });
  };
  connect(url).send("again");
  await vi.waitFor(() => expect(times.length).toBeGreaterThan(4), 5000);
  const gaps = times.slice(1).map((at, index) => at - (times[index] as number));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(195);
});

test("a server that closes at once, whatever the code, is not stormed", async () => {
  let count = 0;
  accept = (peer) => {
    count++;
    peer.terminate();
  };
  const socket = connect(url);
  await vi.waitFor(() => expect(count).toBeGreaterThan(2), 5000);
  expect(["connecting", "waiting"]).toContain(socket.state);
});

test("who opens it again whenever it is closed still keeps 200 ms", async () => {
  const times: number[] = [];
  accept = (peer) => {
    times.push(performance.now());
    peer.close(1000);
  };
  const socket = connect(url);
  socket.onclose = () => socket.open();
  await vi.waitFor(() => expect(times.length).toBeGreaterThan(3), 5000);
  const gaps = times.slice(1).map((at, index) => at - (times[index] as number));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(195);
  socket.onclose = null;
});

test("a server that says nothing is given up after 10 s", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const socket = connect(`ws://127.0.0.1:${(silent.address() as { port: number }).port}/`);
    await vi.advanceTimersByTimeAsync(9_900);
    expect(socket.state).toBe("connecting");
    await vi.advanceTimersByTimeAsync(200);
    expect(socket.state).toBe("waiting");
    socket.close();
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.state).toBe("closed");
  } finally {
    vi.useRealTimers();
    silent.close();
  }
});

test("whatever a listener does, the others and the socket go on", async () => {
  const { socket, peer } = await pair();
  vi.stubGlobal("reportError", () => {});
  let heard = 0;
  socket.onstatechange = () => {
    throw new Error("mine");
  };
  socket.on("x", () => {
    socket.off("x");
    throw new Error("mine");
  });
  socket.onAny(() => heard++);
  peer.send('{"event":"x"}');
  await received(socket, peer);
  expect(heard).toBe(2);
  const closed = next(socket, "close");
  socket.addEventListener("statechange", () => socket.close());
  peer.close(1012);
  await closed;
  await reaches(socket, "closed");
});
