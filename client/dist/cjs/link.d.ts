import { type Backoff } from "./backoff.js";
import { MicroSocketError } from "./error.js";
import type { End, State, StateChange } from "./events.js";
import { type Hello, type ServerFrame } from "./wire.js";
/** As much of a WebSocket as is needed. Those of browsers, Node, Deno and the package `ws` have it. */
export interface WebSocketLike {
    readonly bufferedAmount: number;
    readonly extensions: string;
    readonly protocol: string;
    binaryType: string;
    addEventListener(type: "open" | "error", listener: () => void): void;
    addEventListener(type: "message", listener: (event: {
        readonly data: unknown;
    }) => void): void;
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
    readonly WebSocket?: new (url: string, protocols: string[]) => WebSocketLike;
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
export declare function createLink(address: string | URL, options: LinkOptions, owner: LinkOwner): Link;
