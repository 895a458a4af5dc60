/** Compiled, never run: frames that must and must not be accepted. An error that does not occur is an error. */

import {
  type AnswerFrame,
  type CancelFrame,
  type ClientFrame,
  type DrainFrame,
  type EndFrame,
  type ErrorCode,
  type ErrorDetails,
  type ErrorFrame,
  type EventFrame,
  type FailureFrame,
  type Frame,
  type HelloFrame,
  isAnswer,
  isControl,
  isFailure,
  isItem,
  type Json,
  type PingFrame,
  parseFrame,
  type ReplyFrame,
  type RequestFrame,
  type ServerFrame,
} from "../../src/wire.js";

export const event: EventFrame = { event: "typing" };
export const named: EventFrame<"joined", { user: string }> = { event: "joined", payload: { user: "Ada" } };
export const request: RequestFrame = { event: "join", id: 1, payload: { room: "lobby" } };
export const answer: AnswerFrame<null> = { ack: 1, payload: null };
export const end: EndFrame = { ack: 1 };
export const failure: FailureFrame = { ack: 1, error: { code: "room_full", message: "The room is full" } };
export const cancel: CancelFrame = { event: "$cancel", payload: 1 };
export const ping: PingFrame = { event: "$ping", id: 2 };
export const code: ErrorCode = "too_large";
export const wait: ErrorDetails["rate_limited"] = { retry_after: 0.5 };
export const json: Json = { deep: [{ er: null }, 1, "text", true] };

// @ts-expect-error: a request has an id
export const withoutId: RequestFrame = { event: "join" };
// @ts-expect-error: an id is a number
export const textId: RequestFrame = { event: "join", id: "1" };
// @ts-expect-error: an answer has a payload, `null` included
export const withoutPayload: AnswerFrame = { ack: 1 };
// @ts-expect-error: an answer or a failure, never both
export const both: Frame = { ack: 1, payload: 1, error: { code: "timeout", message: "" } };
// @ts-expect-error: an event is no answer
export const eventAndAck: Frame = { event: "join", ack: 1 };
// @ts-expect-error: the payload of another event
export const wrongPayload: EventFrame<"joined", { user: string }> = { event: "joined", payload: { user: 1 } };
// @ts-expect-error: the server always says which connection this is
export const emptyHello: HelloFrame = { event: "$hello", payload: { limits: {}, features: [], contract: null } };
// @ts-expect-error: an error has a code
export const withoutCode: ErrorFrame = { event: "$error", payload: { message: "" } };
// @ts-expect-error: the server says when
export const someTime: DrainFrame = { event: "$drain", payload: {} };
// @ts-expect-error: a request is cancelled by its id
export const cancelNothing: CancelFrame = { event: "$cancel" };
// @ts-expect-error: a client sends no stream
export const clientItem: ClientFrame = { ack: 1, item: 1 };
// @ts-expect-error: not one of the framework's codes
export const otherCode: ErrorCode = "room_full";
// @ts-expect-error: the client's own, which no server sends
export const ownCode: ErrorCode = "disconnected";
// @ts-expect-error: JSON has no functions
export const notJson: Json = { run: () => 1 };

export function frozen(frame: EventFrame): void {
  // @ts-expect-error: frames are read-only
  frame.event = "other";
}

export function narrowed(reply: ReplyFrame, frame: ServerFrame): void {
  if (isAnswer(reply)) reply.payload satisfies Json;
  if (isFailure(reply)) reply.error.code satisfies string;
  if (isItem(reply)) reply.item satisfies Json;
  // @ts-expect-error: not narrowed yet, so perhaps there is no payload
  reply.payload satisfies Json;
  // Present or not is enough to tell events and replies apart.
  if (frame.event !== undefined) frame.event satisfies string;
  else frame.ack satisfies number;
}

export function read(text: string): string | undefined {
  const frame = parseFrame(text);
  // @ts-expect-error: perhaps it is none
  frame.event satisfies string | undefined;
  const name = frame?.event;
  return name !== undefined && isControl(name) ? (name satisfies `$${string}`) : name;
}
