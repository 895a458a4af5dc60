/** Compiled, never run: how sockets are made, and with which options. An error that does not occur is an error. */

import { WebSocket as NodeWebSocket } from "ws";
import Default, { type Dropped, type Hello, MicroSocket, type Options, type State } from "../../src/index.js";

interface Chat {
  in: { join: { payload: { room: string }; answer: number } };
  out: { said: { text: string } };
  asks: { confirm: { answer: boolean } };
}

// With and without `new`, with an address of either kind, with subprotocols or options in the second place.
export const sockets: MicroSocket<Chat>[] = [
  new MicroSocket<Chat>("/chat"),
  MicroSocket<Chat>("/chat"),
  Default<Chat>(new URL("ws://localhost")),
  new MicroSocket("/chat", "chat.v2"),
  new MicroSocket("/chat", ["chat.v2", "chat.v1"] as const),
  MicroSocket("/chat", {}),
];

export const all: Options = {
  connect: false,
  protocols: ["chat.v2"],
  auth: async () => ({ token: "abc" }),
  plain: false,
  reconnect: true,
  WebSocket: NodeWebSocket,
  queue: { size: 10, characters: 1_000, age: Number.POSITIVE_INFINITY },
  onDropped: ({ event, reason, sent }: Dropped) => [event.trim(), reason === "overloaded", sent === true],
  timeout: Number.POSITIVE_INFINITY,
};
export const others: Options[] = [{ queue: false }, { auth: { token: "abc" } }, { auth: null }, { WebSocket }];

export const wrong: Options[] = [
  // @ts-expect-error: `false` or limits
  { queue: true },
  // @ts-expect-error: a number
  { queue: { size: "10" } },
  // @ts-expect-error: no such limit
  { queue: { length: 10 } },
  // @ts-expect-error: true or false
  { plain: "yes" },
  // @ts-expect-error: left out rather than undefined
  { timeout: undefined },
  // @ts-expect-error: texts
  { protocols: [1] },
  // @ts-expect-error: an instance is none
  { WebSocket: new NodeWebSocket("ws://localhost") },
  // @ts-expect-error: no such reason
  { onDropped: ({ reason }) => reason === "bored" },
];

// @ts-expect-error: an address is due
new MicroSocket();
// @ts-expect-error: which is text or a URL
MicroSocket(8000);
// @ts-expect-error: a contract says what the server emits and asks, too
new MicroSocket<Pick<Chat, "in">>("/chat");

/** A class of an application's own. */
export class ChatSocket extends MicroSocket<Chat> {
  join(room: string): Promise<number> {
    return this.request("join", { room });
  }
}

export async function properties(socket: MicroSocket<Chat>): Promise<void> {
  await socket.ready;
  const { request, on } = socket;
  (await request("join", { room: "lobby" })) satisfies number;
  on("said", ({ text }) => text.trim());
  socket.hello satisfies Hello | null;
  socket.state satisfies State;
  socket.readyState === socket.OPEN;
  MicroSocket.CLOSED satisfies 3;
  socket.handle("confirm", (payload) => payload === undefined);
  socket.onmessage = ({ data }) => data;
  socket.onclose = null;
  // @ts-expect-error: perhaps there is none yet
  socket.hello.id;
  // @ts-expect-error: there are four
  socket.readyState === 4;
  // @ts-expect-error: the state opens and closes, it does not change by itself
  socket.readyState = 1;
  // @ts-expect-error: it has no such property
  socket.onclose = ({ status }) => status;
  // @ts-expect-error: codes are numbers
  socket.close("1000");
}
