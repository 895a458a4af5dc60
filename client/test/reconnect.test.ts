// Reconnecting, the queue and the rules of the wire, against a server that does what a test says.

import { once } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { type Dropped, MicroSocket, type Options } from "../src/index.js";
import { closeAll, connect, next, reaches, thrown } from "./peers.js";

type Frame = Record<string, unknown>;

/** One connection of the scripted server. */
class Peer {
  readonly at = performance.now();
  readonly frames: Frame[] = [];
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => this.frames.push(JSON.parse(String(data))));
  }

  send(...frames: unknown[]): void {
    for (const frame of frames) this.#socket.send(JSON.stringify(frame));
  }

  hello(): void {
    this.send({ event: "$hello", payload: { id: "1", limits: {}, features: [], contract: null } });
  }

  close(code: number): void {
    if (code === 1006) this.#socket.terminate();
    else if (code === 1005) this.#socket.close();
    else {
      // By hand, since `ws` refuses some codes that servers send.
      const stream: { write(data: Buffer): void } = Reflect.get(this.#socket, "_socket");
      stream.write(Buffer.from([0x88, 2, code >> 8, code & 255]));
    }
  }

  /** The ids of requests that came, by event. */
  ids(event: string): unknown[] {
    return this.frames.filter((frame) => frame["event"] === event).map((frame) => frame["id"]);
  }
}

let server: WebSocketServer;
let url: string;
let peers: Peer[];
let accept: (peer: Peer) => void;

beforeEach(async () => {
  peers = [];
  accept = (peer) => peer.hello();
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  url = `ws://127.0.0.1:${(server.address() as { port: number }).port}/`;
  server.on("connection", (socket) => {
    const peer = new Peer(socket);
    peers.push(peer);
    accept(peer);
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  closeAll();
  for (const client of server.clients) client.terminate();
  server.close();
});

const lastPeer = () => peers.at(-1) as Peer;

async function open(options: Options = {}): Promise<MicroSocket> {
  const socket = connect(url, options);
  await socket.ready;
  return socket;
}

test.each([1001, 1005, 1006, 1011, 1012, 1013, 4401, 4413, 4429])("after %d it connects again", async (code) => {
  const socket = await open();
  const closed = vi.fn();
  socket.onclose = closed;
  lastPeer().close(code);
  const change = await next(socket, "statechange", ({ state }) => state === "waiting");
  expect(change).toMatchObject({ code, previous: "open" });
  await reaches(socket, "open");
  expect(peers).toHaveLength(2);
  expect(closed).not.toHaveBeenCalled();
});

test.each([1000, 1002, 1003, 1007, 1008, 1009, 1010, 4500, 4503, 4504, 4509, 4999, 3000])(
  "%d is final",
  async (code) => {
    const socket = await open();
    lastPeer().close(code);
    expect(await next(socket, "close")).toMatchObject({ code });
    expect(socket.state).toBe("closed");
    expect(socket.readyState).toBe(MicroSocket.CLOSED);
  },
);

test("without reconnecting, every loss is final", async () => {
  const socket = await open({ reconnect: false });
  lastPeer().close(1012);
  expect(await next(socket, "close")).toMatchObject({ code: 1012 });
});

test("it waits at least 200 ms between attempts, whatever the server says", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  accept = (peer) => {
    peer.hello();
    peer.send({ event: "$error", payload: { code: "overloaded", message: "", details: { retry_after: 0 } } });
    peer.send({ event: "$drain", payload: { after_ms: 0 } });
  };
  connect(url);
  await vi.waitFor(() => expect(peers.length).toBeGreaterThan(5), 10_000);
  const gaps = peers.slice(1).map((peer, index) => peer.at - (peers[index] as Peer).at);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(199);
});

test("it leaves a busy server alone for as long as it says", async () => {
  const socket = await open();
  lastPeer().send({ event: "$error", payload: { code: "overloaded", message: "", details: { retry_after: 0.7 } } });
  await next(socket, "error");
  lastPeer().close(1013);
  const change = await next(socket, "statechange");
  expect((change as { delay?: number }).delay).toBeGreaterThan(600);
  await reaches(socket, "open");
});

test("a server that drains is left when nothing is in flight any more", async () => {
  const socket = await open();
  const answer = socket.request("slow");
  await vi.waitFor(() => expect(lastPeer().frames).toHaveLength(1));
  lastPeer().send({ event: "$drain", payload: { after_ms: 1 } }, { event: "later" });
  await new Promise((resolve) => socket.once("later", resolve));
  expect(socket.state).toBe("open");
  lastPeer().send({ ack: 0, payload: "done" });
  expect(await answer).toBe("done");
  await reaches(socket, "waiting");
  await reaches(socket, "open");
  expect(peers).toHaveLength(2);
});

test("on open its listeners go before the queue, of which at most 8 are unanswered", async () => {
  const socket = connect(url);
  for (let n = 0; n < 20; n++) socket.send("queued", n);
  socket.onopen = () => socket.send("join", "lobby");
  await vi.waitFor(() => expect(peers[0]?.frames).toHaveLength(9));
  const peer = lastPeer();
  expect(peer.frames[0]).toEqual({ event: "join", payload: "lobby" });
  expect(peer.frames[1]).toEqual({ event: "queued", payload: 0, id: 0 });
  expect(peer.ids("queued")).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  peer.send({ ack: 0, payload: null }, { ack: 1, payload: null });
  await vi.waitFor(() => expect(peer.ids("queued")).toHaveLength(10));
  socket.send("after the queue");
  for (let id = 2; id < 21; id++) {
    await vi.waitFor(() => expect(peer.frames.length).toBeGreaterThan(id));
    peer.send({ ack: id, payload: null });
  }
  await vi.waitFor(() => expect(peer.frames).toHaveLength(22));
  expect(peer.frames.slice(1, 21).map(({ payload }) => payload)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect(peer.frames[21]?.["event"]).toBe("after the queue");
});

test("a queue that the server finds too fast waits and keeps its order", async () => {
  const socket = connect(url);
  for (const text of ["a", "b", "c"]) socket.send("queued", text);
  await vi.waitFor(() => expect(peers[0]?.frames).toHaveLength(3));
  const peer = lastPeer();
  const failure = { code: "rate_limited", message: "", details: { retry_after: 0.25 } };
  const at = performance.now();
  peer.send({ ack: 1, error: failure }, { ack: 0, error: failure }, { ack: 2, payload: null });
  await vi.waitFor(() => expect(peer.frames).toHaveLength(5));
  expect(performance.now() - at).toBeGreaterThan(240);
  expect(peer.frames.slice(3).map(({ payload }) => payload)).toEqual(["a", "b"]);
});

test("each message that is lost is told, and why", async () => {
  const dropped: Dropped[] = [];
  const socket = connect(url, { queue: { size: 2, age: 50 }, onDropped: (each) => dropped.push(each), connect: false });
  socket.open();
  socket.send("one");
  socket.send("not worth it", 1, { queue: false });
  const second = thrown(socket.request("two"));
  const third = thrown(socket.request("three"));
  expect(await third).toMatchObject({ code: "overloaded" });
  socket.close();
  expect(await second).toMatchObject({ code: "disconnected" });
  expect(dropped).toEqual([
    { event: "not worth it", payload: 1, reason: "disconnected", sent: false },
    { event: "three", payload: undefined, reason: "overloaded", sent: false },
    { event: "one", payload: undefined, reason: "disconnected", sent: false },
    { event: "two", payload: undefined, reason: "disconnected", sent: false },
  ]);
});

test("a message that is too old is lost", async () => {
  accept = () => {};
  const dropped: Dropped[] = [];
  const socket = connect(url, { queue: { age: 30 }, onDropped: (each) => dropped.push(each) });
  socket.send("old");
  expect(await thrown(socket.request("old request"))).toMatchObject({ code: "timeout" });
  expect(dropped.map(({ event, reason }) => [event, reason])).toEqual([
    ["old", "timeout"],
    ["old request", "timeout"],
  ]);
});

test("a message from the queue that may have arrived is told when the connection is lost", async () => {
  const dropped: Dropped[] = [];
  const socket = connect(url, { onDropped: (each) => dropped.push(each) });
  socket.send("perhaps", 1);
  await vi.waitFor(() => expect(peers[0]?.frames).toHaveLength(1));
  lastPeer().close(1006);
  await reaches(socket, "waiting");
  expect(dropped).toEqual([{ event: "perhaps", payload: 1, reason: "disconnected", sent: true }]);
});

test("close in every state ends it, tells so once, and open starts again", async () => {
  const socket = connect(url);
  const states: string[] = [];
  let closes = 0;
  socket.onstatechange = ({ state }) => states.push(state);
  socket.onclose = () => closes++;
  socket.close();
  expect(closes).toBe(0);
  await reaches(socket, "closed");
  expect(peers).toEqual([]);
  socket.open();
  await socket.ready;
  socket.close(4000, "bye");
  socket.close();
  socket.open();
  await socket.ready;
  lastPeer().close(1012);
  await reaches(socket, "waiting");
  socket.close();
  await reaches(socket, "closed");
  expect(closes).toBe(3);
  expect(states).toEqual([
    ...["closing", "closed", "connecting", "open"],
    ...["closing", "closed", "connecting", "open"],
    ...["waiting", "closing", "closed"],
  ]);
  await expect(socket.ready).rejects.toMatchObject({ code: "disconnected" });
});

test("close takes only codes and reasons that a close frame can carry", async () => {
  const socket = await open();
  expect(() => socket.close(1006)).toThrow();
  expect(() => socket.close(1000, "x".repeat(124))).toThrow();
  expect(socket.state).toBe("open");
});

test("an auth that fails is told, and asked again", async () => {
  let asked = 0;
  const socket = connect(url, {
    auth: () => {
      asked++;
      if (asked === 1) throw new Error("no token yet");
      return null;
    },
  });
  const { error } = await next(socket, "error");
  expect(error).toMatchObject({ code: "unavailable", message: "Error: no token yet" });
  await socket.ready;
  expect(asked).toBe(2);
});

test("what contradicts itself is refused at once", () => {
  expect(() => connect("not a url")).toThrow(TypeError);
  expect(() => connect(url, { plain: true, auth: 1 })).toThrow(TypeError);
  expect(() => connect(url).send("$ping" as string)).toThrow(TypeError);
  expect(() => connect(url).on("$hello", () => {})).toThrow(TypeError);
});

test("it is a WebSocket: properties, constants, attributes and listeners", async () => {
  const socket = MicroSocket(url, { WebSocket, protocols: ["other"] });
  expect(socket).toBeInstanceOf(MicroSocket);
  expect(socket).toBeInstanceOf(EventTarget);
  expect([socket.readyState, socket.CONNECTING, MicroSocket.CONNECTING]).toEqual([0, 0, 0]);
  expect([socket.protocol, socket.extensions, socket.bufferedAmount, socket.binaryType]).toEqual(["", "", 0, "blob"]);
  const messages: unknown[] = [];
  socket.onmessage = ({ data }) => messages.push(data);
  const once = new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
  await socket.ready;
  expect([socket.readyState, socket.protocol, socket.url]).toEqual([socket.OPEN, "microsockets.v1", url]);
  lastPeer().send({ event: "$other" }, { ack: 99, payload: 1 }, { event: "said", payload: 1 }, [1]);
  await once;
  await vi.waitFor(() => expect(messages).toEqual(['{"event":"said","payload":1}', "[1]"]));
  socket.close();
  expect(socket.readyState).toBe(socket.CLOSING);
  await reaches(socket, "closed");
});
