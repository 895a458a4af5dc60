import { attempt } from "./emitter.js";
import type { MicroSocketError } from "./error.js";

/**
 * - `connecting`: the first attempt or a later one is under way.
 * - `open`: events flow.
 * - `waiting`: the connection was lost, and the next attempt comes by itself.
 * - `closing`: `close()` was called.
 * - `closed`: for good, or until `open()` is called.
 */
export type State = "connecting" | "open" | "waiting" | "closing" | "closed";

/** How a connection ended: code and reason of RFC 6455 section 7.4, and 1006 where there was no closing handshake. */
export interface End {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

export interface StateChange extends Partial<End> {
  readonly state: State;
  readonly previous: State;
  /** Milliseconds until the next attempt, while `waiting`. */
  readonly delay?: number;
}

/** `state` changed. If a connection ended, it says how. */
export interface StateChangeEvent extends Event, StateChange {}

/** Something failed that nobody waits for: a sent event, asking for `auth`, or the whole connection. */
export interface SocketErrorEvent extends Event {
  readonly error: MicroSocketError;
  /** The event that failed, if it is about one. */
  readonly event: string | undefined;
}

/** The socket is closed for good. */
export interface SocketCloseEvent extends Event, End {}

/** What `addEventListener` listens to, and the properties `onopen`, `onmessage` and so on. */
export interface SocketEventMap {
  /** A connection is open: the first one or a later one. What its listeners send goes before the queue. */
  open: Event;
  /** An event of the server, or a message that is none, as the WebSocket gave it; never a control event or an answer. */
  message: MessageEvent;
  statechange: StateChangeEvent;
  error: SocketErrorEvent;
  /** Once, when the socket is closed for good. */
  close: SocketCloseEvent;
}

type Handler<Type extends keyof SocketEventMap> = ((event: SocketEventMap[Type]) => unknown) | null;

/** What the DOM calls a listener and its options, named here for those who compile without the DOM's types. */
type AnyListener = ((event: Event) => void) | { handleEvent(event: Event): void } | null;

interface ListenerOptions {
  readonly capture?: boolean;
  readonly once?: boolean;
  readonly passive?: boolean;
  readonly signal?: AbortSignal;
}

/** The listeners of a WebSocket: `addEventListener`, and one property for each type of event, which is called first. */
export class SocketEventTarget extends EventTarget {
  onopen: Handler<"open"> = null;
  onmessage: Handler<"message"> = null;
  onstatechange: Handler<"statechange"> = null;
  onerror: Handler<"error"> = null;
  onclose: Handler<"close"> = null;
  /**
   * How `message` events give binary messages, which the framework does not use; counts from the next connection on.
   * @default "blob"
   */
  binaryType = "blob";
  #listensToMessages = false;

  override addEventListener<Type extends keyof SocketEventMap>(
    type: Type,
    listener: ((event: SocketEventMap[Type]) => unknown) | null,
    options?: boolean | ListenerOptions,
  ): void;
  override addEventListener(type: string, listener: AnyListener, options?: boolean | ListenerOptions): void;
  override addEventListener(type: string, listener: AnyListener, options?: boolean | ListenerOptions): void {
    this.#listensToMessages ||= type === "message";
    super.addEventListener(type, listener, options);
  }

  /** @internal */
  fire<Type extends keyof SocketEventMap>(type: Type, properties: Omit<SocketEventMap[Type], keyof Event>): void {
    this.#dispatch(Object.assign(new Event(type), properties));
  }

  /**
   * Passes a message on, as an event that is made only if somebody listens: there may be thousands a second.
   * @internal
   */
  fireMessage({ data, origin }: MessageEvent): void {
    if (this.#listensToMessages || this.onmessage) this.#dispatch(new MessageEvent("message", { data, origin }));
  }

  #dispatch(event: Event): void {
    const handler = this[`on${event.type as keyof SocketEventMap}`] as ((event: Event) => unknown) | null;
    attempt(() => handler?.call(this, event));
    this.dispatchEvent(event);
  }
}
