import type { ErrorObject } from "./wire.js";
/**
 * Why a request, a stream or a question failed.
 *
 * `code` is one of the server's (`ErrorCode`), one of the application's own, or one of the client's: `disconnected` (the
 * connection was lost; whether the server acted on the event is unknown), `timeout`, `cancelled` and `overloaded`.
 *
 * Throw one in a handler of `handle()` to answer the server's question with it.
 */
export declare class MicroSocketError<Code extends string = string, Details = unknown> extends Error {
    readonly name = "MicroSocketError";
    readonly code: Code;
    /** What the code documents, if anything; a `rate_limited` error has `{ retry_after: seconds }`. */
    readonly details: Details | undefined;
    constructor(code: Code, message?: string, details?: Details, options?: {
        readonly cause?: unknown;
    });
    /** What the server said. */
    static from({ code, message, details }: ErrorObject<string, unknown>): MicroSocketError;
}
