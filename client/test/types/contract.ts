/** Compiled, never run: what a contract allows and what it refuses. An error that does not occur is an error. */

import WS from "ws";
import MicroSocket, { type Contract, MicroSocketError, type MicroSocket as Named } from "../../src/index.js";

interface Chat {
  in: {
    join: {
      payload: { room: string };
      answer: number;
      error: { code: "room_full"; details: { limit: number } } | { code: "banned" };
    };
    count: { payload: number; item: string };
    typing: { answer: null };
    hint: { payload?: string };
  };
  out: { said: { text: string }; left: number };
  asks: { confirm: { payload: string; answer: boolean } };
}

export const contract: Contract = null as unknown as Chat;

const socket = new MicroSocket<Chat>("/chat");
const called: Named<Chat> = MicroSocket<Chat>("/chat", ["proto"]);
const untyped = new MicroSocket("/chat");

// A WebSocket of any make can be given.
new MicroSocket("/chat", { WebSocket: WS });
new MicroSocket("/chat", { WebSocket: globalThis.WebSocket });
// @ts-expect-error: no WebSocket
new MicroSocket("/chat", { WebSocket: EventTarget });
// @ts-expect-error: milliseconds are a number
new MicroSocket("/chat", { timeout: "5s" });
// @ts-expect-error: no such option
new MicroSocket("/chat", { retries: 5 });
// @ts-expect-error: an event's answer belongs into an object
export type Wrong = Named<{ in: { join: number }; out: Record<never, never>; asks: Record<never, never> }>;

export async function requests(): Promise<void> {
  const members: number = await socket.request("join", { room: "lobby" }, { timeout: 5 });
  const nothing: null = await socket.request("typing");
  await called.request("typing", undefined, { signal: new AbortController().signal });
  void [members, nothing];
  // @ts-expect-error: the answer is a number
  const text: string = await socket.request("join", { room: "lobby" });
  // @ts-expect-error: a payload is due
  await socket.request("join");
  // @ts-expect-error: of this shape
  await socket.request("join", { room: 1 });
  // @ts-expect-error: and of no other
  await socket.request("join", { room: "lobby", more: 1 });
  // @ts-expect-error: no payload is due
  await socket.request("typing", 1);
  // @ts-expect-error: there is no such event
  await socket.request("jion", { room: "lobby" });
  // @ts-expect-error: it answers with a stream
  await socket.request("count", 1);
  // @ts-expect-error: it has no answer
  await socket.request("hint", "x");
  // @ts-expect-error: no such option
  await socket.request("typing", undefined, { retry: true });
  void text;
}

export function sends(): void {
  socket.send("typing");
  socket.send("hint");
  socket.send("hint", "text", { queue: false });
  socket.send("join", { room: "lobby" });
  // @ts-expect-error: the server sends it
  socket.send("said", { text: "" });
  // @ts-expect-error: a payload is due
  socket.send("join");
  // @ts-expect-error: text or nothing
  socket.send("hint", 1);
}

export async function streams(): Promise<void> {
  for await (const item of socket.stream("count", 3)) item.toUpperCase();
  // @ts-expect-error: a payload is due
  socket.stream("count");
  // @ts-expect-error: it has one answer
  socket.stream("join", { room: "lobby" });
  // @ts-expect-error: items are text
  for await (const item of socket.stream("count", 3)) item.toFixed();
}

export function listeners(): void {
  const unbind: () => void = socket.on("said", ({ text }, event, wsEvent) => [
    text.trim(),
    event satisfies "said",
    wsEvent.data,
  ]);
  unbind();
  socket.once("left", (n) => n.toFixed());
  socket.off("left");
  socket.onAny((payload, event) => [typeof payload === "number" && payload.toFixed(), event satisfies "said" | "left"]);
  // @ts-expect-error: there is no such event
  socket.on("shouted", () => {});
  // @ts-expect-error: of another shape
  socket.on("said", ({ words }) => words);
  // @ts-expect-error: perhaps it is another event
  socket.onAny((payload) => payload.toFixed());
  // @ts-expect-error: the client sends it
  socket.on("join", () => {});
}

export function questions(): void {
  socket.handle("confirm", (question) => question.length > 3);
  socket.handle("confirm", async () => true);
  // @ts-expect-error: the answer is true or false
  socket.handle("confirm", () => "yes");
  // @ts-expect-error: the question is text
  socket.handle("confirm", (question: number) => question > 3);
  // @ts-expect-error: nobody asks that
  socket.handle("really", () => true);
}

export function errors(error: unknown): number | string | undefined {
  if (!socket.isError("join", error)) return;
  if (error.code === "room_full") return error.details?.limit;
  if (error.code === "rate_limited") return error.details?.retry_after;
  if (error.code === "invalid_payload") return error.details?.[0]?.msg;
  // @ts-expect-error: nothing says so
  if (error.code === "room_fool") return;
  // @ts-expect-error: it has no details
  if (error.code === "banned") return error.details.limit;
  return error.message;
}

export async function withoutContract(): Promise<void> {
  untyped.send("anything", { at: "all" });
  untyped.on("anything", (payload) => typeof payload === "string" && payload.trim());
  untyped.handle("anything", () => 1);
  const answer = await untyped.request("anything");
  if (typeof answer === "number") answer.toFixed();
  for await (const item of untyped.stream("anything")) void item;
  // @ts-expect-error: nobody knows what it is
  answer.toFixed();
  // @ts-expect-error: nobody knows what it is
  untyped.on("anything", (payload) => payload.room);
  // @ts-expect-error: names are text
  untyped.send(1);
}

export function state(): void {
  socket.onstatechange = ({ state, delay }) => [state satisfies string, delay?.toFixed()];
  socket.addEventListener("close", ({ code, reason, wasClean }) => [code.toFixed(), reason.trim(), wasClean]);
  socket.onerror = ({ error, event }) => [error.code, event?.trim()];
  // @ts-expect-error: it cannot be set
  socket.state = "open";
  // @ts-expect-error: there is no such state
  if (socket.state === "reconnecting") return;
}

export const thrown = new MicroSocketError("not_now", "Not now", { until: 5 });
export const until: number | undefined = thrown.details?.until;
