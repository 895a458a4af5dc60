import { authProtocol } from "./auth.js";
import { type Backoff, createBackoff } from "./backoff.js";
import { MicroSocketError } from "./error.js";
import type { End, State, StateChange } from "./events.js";
import { createLiveness, type Liveness } from "./liveness.js";
import { onWake } from "./wake.js";
import { type Hello, isRetryable, MAX_ID, parseFrame, type ServerFrame, SUBPROTOCOL, UNAUTHORIZED } from "./wire.js";

const OPENING_MS = 10_000;
const CLOSING_MS = 3_000;
const BROKEN: End = { code: 1006, reason: "", wasClean: false };
const READY_STATES = { connecting: 0, waiting: 0, open: 1, closing: 2, closed: 3 } as const;

/** As much of a WebSocket as is needed. Those of browsers, Node, Deno and the package `ws` have it. */
export interface WebSocketLike {
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  binaryType: string;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: End) => void): void;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  /** Ends it without a closing handshake; only `ws` has that. */
  terminate?(): void;
}

export interface LinkOptions {
  /** Subprotocols to offer besides the framework's own. */
  readonly protocols?: string | readonly string[];
  /**
   * Who connects, as any JSON of at most 4 KiB; nothing is sent for `null` and `undefined`. A function is asked anew before
   * every attempt, so that it can fetch a new token; if it throws, the attempt counts as failed.
   */
  readonly auth?: unknown;
  /**
   * For servers that select no subprotocol, those of microsockets 1.0 among them: no control frames, no `auth`, and a dead
   * connection goes unnoticed until the network notices.
   * @default false
   */
  readonly plain?: boolean;
  /**
   * Whether to connect again after a loss.
   * @default true
   */
  readonly reconnect?: boolean;
  /**
   * The WebSocket to use, such as that of the package `ws` in Node before 22.
   * @default globalThis.WebSocket
   */
  readonly WebSocket?: new (
    url: string,
    protocols: string[],
  ) => WebSocketLike;
}

/** Who uses a link. */
export interface LinkOwner {
  /** The state is another one. What was in flight is lost with the state `open`. */
  changed(change: StateChange): void;
  /** A connection is ready for use. A plain server says no hello. */
  opened(hello: Hello | null): void;
  /** A message came; as a frame, it is `null` if it is none. */
  received(frame: ServerFrame | null, message: MessageEvent): void;
  /** An attempt could not be made. */
  failed(error: MicroSocketError): void;
}

/** One connection after the other to the same server: connects, connects again, and ends for good. */
export interface Link {
  readonly state: State;
  /** That of a WebSocket: CONNECTING (0), OPEN (1), CLOSING (2), CLOSED (3). */
  readonly readyState: 0 | 1 | 2 | 3;
  readonly url: string;
  readonly socket: WebSocketLike | undefined;
  readonly backoff: Backoff;

  /**
   * Starts to connect, unless it has already.
   *
   * @throws {TypeError} if the URL is none.
   * @throws {Error} if there is no WebSocket.
   */
  open(): void;

  /** Ends it for good. @throws {DOMException} if the code is not 1000 or 3000-4999, or the reason is over 123 bytes. */
  close(code?: number, reason?: string): void;

  /** Gives the connection up without a closing handshake, which a dead one never finishes. */
  abandon(): void;
}

/** @throws {TypeError} if the options contradict each other. */
export function createLink(address: string | URL, options: LinkOptions, owner: LinkOwner): Link {
  const { auth, plain, protocols = [], reconnect = true } = options;
  const backoff = createBackoff();
  let state: State = "closed";
  let url = String(address);
  let socket: WebSocketLike | undefined;
  let liveness: Liveness | undefined;
  let refusals = 0;
  // Ids of pings come from the other end of their range, which no request's id reaches.
  let pingId = MAX_ID;
  /** For the next attempt, or for the end of this one or of the closing handshake. */
  let timer: ReturnType<typeof setTimeout> | undefined;
  let unwatch = () => {};

  if (plain && auth !== undefined) throw new TypeError("`plain` takes no `auth`: use a cookie");

  // Looked up when it is needed: some tools put their own in its place after the page has loaded.
  const webSocket = () => options.WebSocket ?? globalThis.WebSocket;

  function change(next: State, details?: Partial<StateChange>): void {
    const previous = state;
    state = next;
    liveness?.stop();
    liveness = undefined;
    owner.changed({ ...details, state, previous });
  }

  function arm(call: () => void, ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(call, ms);
  }

  async function connect(): Promise<void> {
    // An attempt that is given up while it waits for its token sees another timer than the one that began it.
    const mine = timer;
    if (state !== "connecting") change("connecting");
    try {
      const token: unknown = await (typeof auth === "function" ? auth() : auth);
      if (mine === timer) start(token);
    } catch (cause) {
      if (mine !== timer) return;
      const ours = cause instanceof MicroSocketError;
      owner.failed(ours ? cause : new MicroSocketError("unavailable", String(cause), undefined, { cause }));
      // Whoever is told may close.
      if (mine === timer) lost(BROKEN);
    }
  }

  function start(token: unknown): void {
    const offered = plain ? [] : [SUBPROTOCOL];
    if (token !== undefined && token !== null) offered.push(authProtocol(token));
    const opening: WebSocketLike = new (webSocket())(url, offered.concat(protocols));
    socket = opening;
    arm(abandon, OPENING_MS);
    opening.addEventListener("open", () => {
      if (plain && socket === opening && state === "connecting") opened(null);
    });
    opening.addEventListener("message", (message) => {
      if (socket !== opening) return;
      liveness?.heard();
      const frame = typeof message.data === "string" ? parseFrame(message.data) : null;
      if (state === "open") owner.received(frame, message as MessageEvent);
      else if (state === "connecting" && frame?.event === "$hello") opened(frame.payload as Hello);
    });
    opening.addEventListener("close", ({ code, reason, wasClean }) => {
      if (socket === opening) lost({ code, reason, wasClean });
    });
    // The end is told by `close`. Without a listener, `ws` would throw.
    opening.addEventListener("error", () => {});
  }

  function opened(hello: Hello | null): void {
    clearTimeout(timer);
    backoff.opened();
    change("open");
    if (state !== "open") return;
    if (hello) liveness = createLiveness(() => socket?.send(`{"event":"$ping","id":${pingId--}}`), abandon);
    owner.opened(hello);
  }

  function abandon(): void {
    if (socket?.terminate) socket.terminate();
    else socket?.close();
    lost(BROKEN);
  }

  function lost(end: End): void {
    socket = undefined;
    const closing = state === "closing";
    const healthy = !closing && backoff.lost();
    // A new token is worth one try. A connection that was healthy had a good one.
    refusals = end.code === UNAUTHORIZED ? 1 + (healthy ? 0 : refusals) : 0;
    if (closing || !reconnect || !isRetryable(end.code) || refusals > 1) {
      clearTimeout(timer);
      timer = undefined;
      unwatch();
      change("closed", end);
    } else {
      const delay = backoff.delay();
      arm(connect, delay);
      change("waiting", { ...end, delay });
    }
  }

  return {
    backoff,
    abandon,

    get state() {
      return state;
    },

    get readyState() {
      return READY_STATES[state];
    },

    get url() {
      return url;
    },

    get socket() {
      return socket;
    },

    open() {
      // Who opens it again does not wait for the closing handshake.
      if (state === "closing") abandon();
      if (state !== "closed") return;
      const parsed = new URL(address, globalThis.location?.href);
      parsed.protocol = parsed.protocol.replace("http", "ws");
      parsed.hash = "";
      url = parsed.href;
      if (!webSocket()) throw new Error("No WebSocket here: give one as an option");
      unwatch = onWake(() => {
        if (state === "waiting") arm(connect, backoff.soonest());
        else liveness?.probe();
      });
      refusals = 0;
      arm(connect, backoff.soonest());
      change("connecting");
    },

    close(code = 1000, reason = "") {
      if (READY_STATES[state] > 1) return;
      socket?.close(code, reason);
      // Nothing is told before this call has returned, as with a WebSocket.
      if (socket) arm(abandon, CLOSING_MS);
      else arm(() => lost({ code, reason, wasClean: true }), 0);
      change("closing");
    },
  };
}
