import type { RequestOptions, SendOptions, StreamOptions } from "./calls.js";
import type {
  AnswerOf,
  AnyContract,
  AnyListener,
  Arguments,
  AskEvent,
  Contract,
  ErrorOf,
  Handler,
  ItemOf,
  Listener,
  OutEvent,
  RequestEvent,
  SendEvent,
  StreamEvent,
} from "./contract.js";
import { SocketEventTarget, type State } from "./events.js";
import { createSession, type SessionOptions } from "./session.js";
import type { Hello } from "./wire.js";

export interface Options extends SessionOptions {
  /**
   * Whether to connect at once; if not, `open()` does.
   * @default true
   */
  readonly connect?: boolean;
}

/**
 * A WebSocket that sends and receives events, answers and streams, and that connects again by itself.
 *
 * What is sent while there is no connection waits in a bounded queue. What was in flight when a connection is lost is not
 * sent again: requests and streams throw `disconnected`, since nobody knows whether the server acted on them.
 *
 * Each socket has its methods as properties, so they can be taken from it: `const { on, request } = socket`.
 */
export interface MicroSocket<C extends Contract = AnyContract> extends SocketEventTarget {
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;

  readonly state: State;

  /** What the server said first on this connection, its id among it; `null` while there is none, and with `plain`. */
  readonly hello: Hello | null;

  /** Resolves when the socket is open, and rejects with `disconnected` when it is closed for good. */
  readonly ready: Promise<void>;

  readonly url: string;

  /** As for a WebSocket. It is CONNECTING (0) also while it waits for the next attempt, and CLOSED (3) for good. */
  readonly readyState: 0 | 1 | 2 | 3;

  /** The subprotocol that the server selected. */
  readonly protocol: string;

  readonly extensions: string;

  /** Bytes handed to the WebSocket and not yet sent; what waits in the queue is not among them. */
  readonly bufferedAmount: number;

  /** Connects, unless the socket has already started to. */
  open(): void;

  /**
   * Closes for good; `open()` starts again. Requests and streams in flight throw `disconnected`, what waits in the queue is
   * dropped, and no event is received any more.
   *
   * @throws {DOMException} if the code is not 1000 or 3000-4999, or the reason is longer than 123 bytes.
   */
  close(code?: number, reason?: string): void;

  /**
   * Sends an event. While there is no connection it waits in the queue; if it is lost, `onDropped` is told. If the server
   * says that it failed, that is an `error` event.
   *
   * @throws {TypeError} if the payload cannot be JSON, or if the name starts with `$`.
   */
  send<Event extends SendEvent<C>>(event: Event, ...args: Arguments<C, Event, SendOptions>): void;

  /**
   * Sends an event and resolves to its answer.
   *
   * @throws {MicroSocketError} what the server answers, or `timeout`, `cancelled` (by the signal), `overloaded` (the queue is
   * full), `too_large` or `disconnected`. After the last, the server may have acted on the event or not.
   * @throws {TypeError} if the payload cannot be JSON, or if the name starts with `$`.
   */
  request<Event extends RequestEvent<C>>(
    event: Event,
    ...args: Arguments<C, Event, RequestOptions>
  ): Promise<AnswerOf<C, Event>>;

  /**
   * Sends an event and reads its answer item by item, once. It is sent when the first item is asked for, and leaving the
   * loop cancels it. It has no time limit. A reader who is 1,000 items behind gets `overloaded` after those.
   *
   * @throws {MicroSocketError} in the loop, as for `request`.
   * @throws {TypeError} if the payload cannot be JSON, or if the name starts with `$`.
   */
  stream<Event extends StreamEvent<C>>(
    event: Event,
    ...args: Arguments<C, Event, StreamOptions>
  ): AsyncGenerator<ItemOf<C, Event>, undefined>;

  /**
   * Calls a listener with each such event of the server. Returns what unbinds it.
   *
   * What a listener throws is reported as that of `addEventListener` is, and disturbs nothing else.
   */
  on<Event extends OutEvent<C>>(event: Event, listener: Listener<C, Event>): () => void;

  /** Calls a listener with the next such event only. Returns what unbinds it. */
  once<Event extends OutEvent<C>>(event: Event, listener: Listener<C, Event>): () => void;

  /** Calls a listener with every event of the server. Returns what unbinds it. */
  onAny(listener: AnyListener<C>): () => void;

  /** Unbinds a listener of an event, or all of them. */
  off<Event extends OutEvent<C>>(event: Event, listener?: Listener<C, Event>): void;

  /**
   * Answers a question of the server with what the handler returns or resolves to. Returns what unbinds it.
   *
   * A `MicroSocketError` that the handler throws is the answer. Anything else that it throws is reported here, and the
   * server gets `internal_error`. An event has one handler: the last one bound.
   */
  handle<Event extends AskEvent<C>>(event: Event, handler: Handler<C, Event>): () => void;

  /** Whether an error is one that requests and streams of the event throw, so that its `code` tells what `details` are. */
  isError<Event extends SendEvent<C>>(event: Event, error: unknown): error is ErrorOf<C, Event>;
}

/** What makes a `MicroSocket`, with `new` and without. */
export interface MicroSocketConstructor {
  /**
   * @param url Absolute, or relative to the page; `http` and `https` stand for `ws` and `wss`.
   * @param options Options, or subprotocols as for a WebSocket.
   * @throws {TypeError} if the URL is none.
   * @throws {Error} if there is no WebSocket, and no option gives one.
   */
  new <C extends Contract = AnyContract>(
    url: string | URL,
    options?: string | readonly string[] | Options,
  ): MicroSocket<C>;
  <C extends Contract = AnyContract>(url: string | URL, options?: string | readonly string[] | Options): MicroSocket<C>;
  readonly prototype: MicroSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
}

const states = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };

function construct(url: string | URL, options: string | readonly string[] | Options = {}): SocketEventTarget {
  const { connect = true, ...others } =
    typeof options === "string" || Array.isArray(options) ? { protocols: options } : (options as Options);
  const socket: SocketEventTarget = Reflect.construct(SocketEventTarget, [], new.target ?? construct);
  const session = createSession(url, others, socket);
  Object.defineProperties(socket, Object.getOwnPropertyDescriptors(session));
  if (connect) session.open();
  return socket;
}

// `instanceof` and subclasses see one constructor, and Node knows an EventTarget by it.
Object.setPrototypeOf(construct, SocketEventTarget);
construct.prototype = Object.assign(SocketEventTarget.prototype, states, { constructor: construct });

export const MicroSocket = Object.assign(construct, states) as unknown as MicroSocketConstructor;
