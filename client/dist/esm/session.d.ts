import { type CallOptions } from "./calls.js";
import { type DeliveryOptions } from "./delivery.js";
import { MicroSocketError } from "./error.js";
import type { SocketEventTarget } from "./events.js";
import { type LinkOptions } from "./link.js";
import { type Hello } from "./wire.js";
type Listener = (payload: unknown, event: string, wsEvent: MessageEvent) => unknown;
/** The key of listeners that are called with every event. */
declare const ANY: unique symbol;
export interface SessionOptions extends LinkOptions, DeliveryOptions, CallOptions {
    readonly plain?: boolean;
}
/** The methods and properties of a socket: puts its parts together, and tells `target` what happens as events. */
export declare function createSession(url: string | URL, options: SessionOptions, target: SocketEventTarget): {
    open: () => void;
    close: (code?: number, reason?: string) => void;
    on: (event: string, listener: Listener) => () => void;
    once: (event: string, listener: Listener) => () => void;
    onAny: (listener: Listener) => () => void;
    off: (key: string | typeof ANY, listener?: ((payload: unknown, event: string, wsEvent: MessageEvent<any>) => unknown) | undefined) => void;
    handle: (event: string, handler: (payload: unknown, event: string) => unknown) => () => void;
    isError: (_event: string, error: unknown) => error is MicroSocketError<any, any>;
    state: import("./events.js").State;
    hello: Hello | null;
    ready: Promise<void>;
    url: string;
    readyState: 0 | 2 | 1 | 3;
    protocol: string;
    extensions: string;
    bufferedAmount: number;
    send(event: string, payload?: unknown, { queue }?: import("./calls.js").SendOptions): void;
    request(event: string, payload?: unknown, options?: import("./calls.js").RequestOptions): Promise<unknown>;
    stream(event: string, payload?: unknown, { signal, queue }?: import("./calls.js").StreamOptions): AsyncGenerator<unknown, undefined>;
};
export {};
