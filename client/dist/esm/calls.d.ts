import type { Delivery } from "./delivery.js";
export interface CallOptions {
    readonly plain?: boolean;
    /**
     * Milliseconds that a request may take, waiting in the queue included.
     * @default 30_000
     */
    readonly timeout?: number;
}
export interface SendOptions {
    /**
     * Whether it may wait for a connection. If not, it is lost where there is none.
     * @default true
     */
    readonly queue?: boolean;
}
export interface StreamOptions extends SendOptions {
    /** Cancels it, which throws `cancelled`. */
    readonly signal?: AbortSignal;
}
export interface RequestOptions extends StreamOptions {
    /**
     * Milliseconds until it is cancelled and throws `timeout`; `Infinity` is no limit.
     * @default the socket's `timeout`
     */
    readonly timeout?: number;
}
export type Calls = ReturnType<typeof createCalls>;
/** What a client can do with an event: send it, ask for its answer, or read its stream. */
export declare function createCalls({ plain, timeout: usual }: CallOptions, { deliver, withdraw }: Delivery): {
    send(event: string, payload?: unknown, { queue }?: SendOptions): void;
    request(event: string, payload?: unknown, options?: RequestOptions): Promise<unknown>;
    stream(event: string, payload?: unknown, { signal, queue }?: StreamOptions): AsyncGenerator<unknown, undefined>;
};
