/**
 * The protocol `microsockets.v1`: JSON text frames, one object each. Both sides ignore keys they do not know.
 *
 * Types and pure functions only; nothing here opens a connection.
 */

/** The subprotocol that a client offers to get control frames; the server selects it. */
export const SUBPROTOCOL = "microsockets.v1";

/**
 * Comes before the auth data (base64url of JSON, unpadded) in a second subprotocol entry, for browsers, which cannot set
 * headers. The server never selects that entry.
 */
export const AUTH_PREFIX = "microsockets.auth.";

/** The most bytes of JSON that the auth data may have. */
export const MAX_AUTH_BYTES = 4096;

/** The largest id of a request: the largest integer that a JavaScript number holds exactly. */
export const MAX_ID = Number.MAX_SAFE_INTEGER;

/** Anything that JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Codes of the framework's own errors. An application adds its own. */
export const ERROR_CODES = [
  "bad_frame",
  "unknown_event",
  "invalid_payload",
  "unauthorized",
  "forbidden",
  "rate_limited",
  "overloaded",
  "timeout",
  "cancelled",
  "too_large",
  "unavailable",
  "internal_error",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Close code: sign in (again). */
export const UNAUTHORIZED = 4401;

/** Where and how a payload failed. Never holds the value itself. */
export interface Problem {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
}

/** What the framework's codes that have details put there; an error with another code has its application's own. */
export interface ErrorDetails {
  readonly invalid_payload: readonly Problem[];
  /** Seconds until the same event may be sent again. */
  readonly rate_limited: { readonly retry_after: number };
  /** Seconds until the same event may be sent again. */
  readonly overloaded: { readonly retry_after: number };
  /** `correlation_id` finds the failure in the server's log; the rest is there only while the server debugs. */
  readonly internal_error: {
    readonly correlation_id: string;
    readonly exception?: string;
    readonly traceback?: string;
  };
}

/** Why an event failed. `Code` and `Details` narrow an application's own errors. */
export interface ErrorObject<Code extends string = string, Details = Json> {
  readonly code: Code;
  readonly message: string;
  readonly details?: Details;
}

/** An event without an answer. Application events never start with `$`. */
export interface EventFrame<Name extends string = string, Payload = Json> {
  readonly event: Name;
  readonly payload?: Payload;
  readonly id?: never;
  readonly ack?: never;
}

/** An event whose sender wants an answer. The id is 0..2^53-1 and not in flight; each direction counts its own. */
export interface RequestFrame<Name extends string = string, Payload = Json> {
  readonly event: Name;
  readonly payload?: Payload;
  readonly id: number;
  readonly ack?: never;
}

/** The answer to a request; `payload` is always there, `null` included. */
export interface AnswerFrame<Payload = Json> {
  readonly ack: number;
  readonly payload: Payload;
  readonly error?: never;
  readonly item?: never;
  readonly event?: never;
}

/** The answer to a request that failed. Also ends a stream that failed. */
export interface FailureFrame<Failure extends ErrorObject<string, unknown> = ErrorObject> {
  readonly ack: number;
  readonly error: Failure;
  readonly payload?: never;
  readonly item?: never;
  readonly event?: never;
}

/** One item of a stream; any number of them comes before the end or a failure. */
export interface ItemFrame<Item = Json> {
  readonly ack: number;
  readonly item: Item;
  readonly payload?: never;
  readonly error?: never;
  readonly event?: never;
}

/** The end of a stream. */
export interface EndFrame {
  readonly ack: number;
  readonly payload?: never;
  readonly error?: never;
  readonly item?: never;
  readonly event?: never;
}

/** What the server says first. */
export interface Hello {
  /** The id of this connection. */
  readonly id: string;
  readonly limits: Readonly<Record<string, number>>;
  /** Which of the optional parts of the protocol the server uses. */
  readonly features: readonly string[];
  /** Names the contract of this path, or `null`. */
  readonly contract: string | null;
}

/** A failure that no id asked about. `event` names the event it is about, if that is known. */
export interface UnaskedError extends ErrorObject {
  readonly event?: string;
}

/** The first frame of every connection. */
export type HelloFrame = EventFrame<"$hello", Hello> & { readonly payload: Hello };

/** An event without an id failed, or a frame could not be read. */
export type ErrorFrame = EventFrame<"$error", UnaskedError> & { readonly payload: UnaskedError };

/** The server is about to restart: connect again after about `after_ms`. */
export type DrainFrame = EventFrame<"$drain", { readonly after_ms: number }> & {
  readonly payload: { readonly after_ms: number };
};

/** Cancels the request with the id in `payload`, which then answers `cancelled`. */
export type CancelFrame = EventFrame<"$cancel", number> & { readonly payload: number };

/** Sent by the client after 15 s of silence; an answer is due in 10 s. */
export type PingFrame = RequestFrame<"$ping", null>;

export type ControlFrame = HelloFrame | ErrorFrame | DrainFrame | CancelFrame | PingFrame;

/** Whatever ends or feeds the request that `ack` names. */
export type ReplyFrame = AnswerFrame | FailureFrame | ItemFrame | EndFrame;

/** What a v1 client may receive. A request is a question that the server asks. */
export type ServerFrame = EventFrame | RequestFrame | ReplyFrame | HelloFrame | ErrorFrame | DrainFrame;

/** What a v1 client may send. An answer or a failure replies to the server's question. */
export type ClientFrame = EventFrame | RequestFrame | AnswerFrame | FailureFrame | CancelFrame | PingFrame;

export type Frame = ServerFrame | ClientFrame;

const RETRYABLE: ReadonlySet<number> = new Set([1001, 1005, 1006, 1011, 1012, 1013, 4401, 4413, 4429]);

/**
 * Whether a client connects again after this close code; every other code is final.
 *
 * 4401 asks for a new token, and is final when it comes twice in a row.
 */
export function isRetryable(closeCode: number): boolean {
  return RETRYABLE.has(closeCode);
}

/** Whether a name is a control frame's, which never reaches an application's listeners. */
export function isControl(event: string): event is `$${string}` {
  return event.startsWith("$");
}

export function isAnswer(frame: ReplyFrame): frame is AnswerFrame {
  return "payload" in frame;
}

export function isFailure(frame: ReplyFrame): frame is FailureFrame {
  return "error" in frame;
}

export function isItem(frame: ReplyFrame): frame is ItemFrame {
  return "item" in frame;
}

/**
 * A frame from the text of a message, or `null` if it is none: not JSON, or not of a shape that a server sends.
 *
 * Unknown keys are kept and mean nothing. Payloads are not checked, except those that control frames must have.
 */
export function parseFrame(text: string): ServerFrame | null {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return null;
  }
  return isObject(frame) && isServerFrame(frame) ? (frame as unknown as ServerFrame) : null;
}

function isServerFrame({ event, id, ack, error, payload }: Readonly<Record<string, unknown>>): boolean {
  if (event === undefined) return typeof ack === "number" && (error === undefined || isErrorObject(error));
  if (event === "$error") return isErrorObject(payload);
  if (event === "$hello") return isObject(payload) && isObject(payload["limits"]);
  return typeof event === "string" && (id === undefined || Number.isSafeInteger(id));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isErrorObject(value: unknown): value is ErrorObject {
  return isObject(value) && typeof value["code"] === "string";
}
