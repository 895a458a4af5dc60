/** Compiled, never run: frames that must and must not be accepted. An error that does not occur is an error. */

import type {
  AnswerFrame,
  CancelFrame,
  ClientFrame,
  EndFrame,
  ErrorCode,
  ErrorObject,
  EventFrame,
  FailureFrame,
  Frame,
  HelloFrame,
  Json,
  PingFrame,
  ReplyFrame,
  RequestFrame,
  ServerFrame,
} from "../src/wire.js";
import { CloseCode, hasCode, isAnswer, isFailure } from "../src/wire.js";

export const event: EventFrame = { event: "typing" };
export const named: EventFrame<"joined", { user: string }> = { event: "joined", payload: { user: "Ada" } };
export const request: RequestFrame = { event: "join", id: 1, payload: { room: "lobby" } };
export const answer: AnswerFrame<null> = { ack: 1, payload: null };
export const end: EndFrame = { ack: 1 };
export const failure: FailureFrame = { ack: 1, error: { code: "room_full", message: "The room is full" } };
export const cancel: CancelFrame = { event: "$cancel", payload: 1 };
export const ping: PingFrame = { event: "$ping", id: 2 };
export const close: CloseCode = CloseCode.SLOW_READER;
export const code: ErrorCode = "too_large";

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
// @ts-expect-error: a client sends no stream
export const clientItem: ClientFrame = { ack: 1, item: 1 };
// @ts-expect-error: not one of the framework's codes
export const otherCode: ErrorCode = "room_full";
// @ts-expect-error: not a code that the server closes with
export const otherClose: CloseCode = 1006;
// @ts-expect-error: JSON has no functions
export const notJson: Json = { run: () => 1 };

export function frozen(frame: EventFrame): void {
  // @ts-expect-error: frames are read-only
  frame.event = "other";
}

export function narrowed(reply: ReplyFrame, error: ErrorObject, frame: ServerFrame): number {
  if (isAnswer(reply)) reply.payload satisfies Json;
  if (isFailure(reply)) reply.error.code satisfies string;
  // @ts-expect-error: not narrowed yet, so perhaps there is no payload
  reply.payload satisfies Json;
  // Present or not is enough to tell events and replies apart.
  if (frame.event !== undefined) frame.event satisfies string;
  else frame.ack satisfies number;
  return hasCode(error, "rate_limited") ? (error.details?.retry_after ?? 0) : 0;
}
