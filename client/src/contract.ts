import type { MicroSocketError } from "./error.js";
import type { ErrorCode, ErrorDetails } from "./wire.js";

/**
 * What a namespace and its clients say to each other. Generated from a server, or written by hand:
 *
 * ```ts
 * interface Chat {
 *   in: {
 *     join: { payload: { room: string }; answer: number; error: { code: "room_full"; details: { capacity: number } } };
 *     count: { payload: number; item: number };
 *     typing: {};
 *   };
 *   out: { said: { user: string; text: string } };
 *   asks: { confirm: { payload: string; answer: boolean } };
 * }
 * const socket = new MicroSocket<Chat>("/chat");
 * ```
 */
export interface Contract {
  /** What the client sends, by event. */
  readonly in: Readonly<Record<string, Incoming>>;
  /** The payloads that the server emits, by event. */
  readonly out: Readonly<Record<string, unknown>>;
  /** What the server asks the client, by event. */
  readonly asks: Readonly<Record<string, Asked>>;
}

/** One event that the client sends. What is not there is not possible: without `answer` it cannot be requested. */
export interface Incoming {
  /** Without it, the event has none; as an optional property, it may be left out. */
  readonly payload?: unknown;
  /** What a request resolves to. */
  readonly answer?: unknown;
  /** What a stream yields. */
  readonly item?: unknown;
  /** The application's own errors that it may fail with: a union. */
  readonly error?: Failure;
}

/** One question of the server. */
export interface Asked {
  readonly payload?: unknown;
  readonly answer: unknown;
}

export interface Failure {
  readonly code: string;
  readonly details?: unknown;
}

/** The contract of a socket that has none: any event, and every payload is `unknown`. */
export interface AnyContract {
  readonly in: Readonly<
    Record<
      string,
      { readonly payload?: unknown; readonly answer: unknown; readonly item: unknown; readonly error: Failure }
    >
  >;
  readonly out: Readonly<Record<string, unknown>>;
  readonly asks: Readonly<Record<string, { readonly payload: unknown; readonly answer: unknown }>>;
}

type Names<Part> = Extract<keyof Part, string>;

type NamesWith<Part, Key extends string> = {
  [Event in Names<Part>]: Key extends keyof Part[Event] ? Event : never;
}[Names<Part>];

type Property<Part, Key extends string> = Key extends keyof Part ? Part[Key] : undefined;

/** Events that the client may send. */
export type SendEvent<C extends Contract> = Names<C["in"]>;

/** Events that have an answer. */
export type RequestEvent<C extends Contract> = NamesWith<C["in"], "answer">;

/** Events that answer with a stream. */
export type StreamEvent<C extends Contract> = NamesWith<C["in"], "item">;

/** Events that the server emits. */
export type OutEvent<C extends Contract> = Names<C["out"]>;

/** Events that the server asks. */
export type AskEvent<C extends Contract> = Names<C["asks"]>;

/** The payload that an event is sent with; `undefined` if it has none. */
export type PayloadOf<C extends Contract, Event extends SendEvent<C>> = Property<C["in"][Event], "payload">;

/** What a request of an event resolves to. */
export type AnswerOf<C extends Contract, Event extends SendEvent<C>> = Property<C["in"][Event], "answer">;

/** What a stream of an event yields. */
export type ItemOf<C extends Contract, Event extends SendEvent<C>> = Property<C["in"][Event], "item">;

/** A payload and options as arguments: the payload may be left out where the contract allows that. */
export type Arguments<C extends Contract, Event extends SendEvent<C>, Options> =
  undefined extends PayloadOf<C, Event>
    ? [payload?: PayloadOf<C, Event>, options?: Options]
    : [payload: PayloadOf<C, Event>, options?: Options];

type Thrown<Failed> = Failed extends { readonly code: infer Code extends string }
  ? MicroSocketError<Code, Property<Failed, "details">>
  : never;

type BuiltIn = {
  [Code in ErrorCode | "disconnected"]: MicroSocketError<
    Code,
    Code extends keyof ErrorDetails ? ErrorDetails[Code] : undefined
  >;
}[ErrorCode | "disconnected"];

/** What a request or a stream of an event throws: its own errors and the framework's, told apart by `code`. */
export type ErrorOf<C extends Contract, Event extends SendEvent<C>> =
  | Thrown<Property<C["in"][Event], "error">>
  | BuiltIn;

/** Called with what the server emits. `wsEvent` is the message as the WebSocket gave it. */
export type Listener<C extends Contract, Event extends OutEvent<C>> = (
  payload: C["out"][Event],
  event: Event,
  wsEvent: MessageEvent,
) => unknown;

/** Called with every event that the server emits. */
export type AnyListener<C extends Contract> = (
  payload: C["out"][OutEvent<C>],
  event: OutEvent<C>,
  wsEvent: MessageEvent,
) => unknown;

/** Answers one of the server's questions. */
export type Handler<C extends Contract, Event extends AskEvent<C>> = (
  payload: Property<C["asks"][Event], "payload">,
  event: Event,
) => C["asks"][Event]["answer"] | PromiseLike<C["asks"][Event]["answer"]>;
