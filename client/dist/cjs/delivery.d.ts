import { MicroSocketError } from "./error.js";
import type { Link } from "./link.js";
import { type Message } from "./message.js";
import { type DropReason, type QueueLimits } from "./queue.js";
import { type ErrorObject, type Hello, type ReplyFrame } from "./wire.js";
/** A message that was lost. */
export interface Dropped {
    readonly event: string;
    readonly payload: unknown;
    readonly reason: DropReason;
    /** Whether it had been sent: then it may have arrived. */
    readonly sent: boolean;
}
export interface DeliveryOptions {
    readonly plain?: boolean;
    /**
     * What may wait for a connection; `false` for nothing.
     * @default { size: 256, characters: 1_048_576, age: 60_000 }
     */
    readonly queue?: QueueLimits | false;
    /** Told of each message that was lost. A request that is lost throws as well. */
    readonly onDropped?: (dropped: Dropped) => void;
}
/** The error of a request that was lost. */
export declare function lossOf(reason: DropReason): MicroSocketError;
export type Delivery = ReturnType<typeof createDelivery>;
/**
 * Brings messages to the server and replies back. What finds no connection waits in the queue, which is sent in order and with
 * at most 8 requests unanswered. `failed` is called when the server refuses a message from the queue that nobody waits for.
 */
export declare function createDelivery(options: DeliveryOptions, link: Link, failed: (error: MicroSocketError, event: string) => void): {
    obey: (error: ErrorObject<string, unknown>) => void;
    /** Takes a message back: nobody waits for its answer any more. */
    withdraw: (message: Message) => void;
    /** Sends a message, or lets it wait, or drops it. */
    deliver(message: Message, mayWait?: boolean): void;
    /** A reply has come. */
    settle(frame: ReplyFrame): void;
    /** A connection is open. What is sent while `greet` runs goes before the queue. */
    opened(hello: Hello | null, greet: () => void): void;
    /** The server goes in so many milliseconds. */
    drain(ms: number): void;
    /** The connection is gone. */
    lost(): void;
    /** There will be no other connection. */
    closed: () => void;
};
