import type { Message } from "./message.js";
/**
 * Why a message was lost: an error code.
 *
 * - `disconnected`: there was no connection and it was not to wait for one, or the socket was closed for good, or the
 *   connection was lost before the server confirmed it.
 * - `overloaded`: the queue held as much as it may.
 * - `timeout`: it waited for longer than the queue keeps messages.
 * - `too_large`: the server takes no frame of this size.
 */
export type DropReason = "disconnected" | "overloaded" | "timeout" | "too_large";
/** How much may wait for a connection. */
export interface QueueLimits {
    /**
     * Messages.
     * @default 256
     */
    readonly size?: number;
    /**
     * Characters of JSON, of all messages together.
     * @default 1_048_576
     */
    readonly characters?: number;
    /**
     * Milliseconds that each message may wait.
     * @default 60_000
     */
    readonly age?: number;
}
export type Queue = ReturnType<typeof createQueue>;
/**
 * Messages that wait for a connection, in order, bounded in number, size and age. `dropped` is called with each that is lost.
 *
 * A message that was sent has an id, and stays until it is removed: so it has its place if it must be sent again.
 */
export declare function createQueue(limits: QueueLimits, dropped: (message: Message, reason: DropReason) => void): {
    /** How many there are, with those that were sent. */
    length: () => number;
    /** The oldest message that was not sent. */
    next: () => Message | undefined;
    /** Takes a message out. Returns whether it was there. */
    remove: (message: Message) => boolean;
    /** Adds a message at the end, or drops it if there is no room: those that wait already go first. */
    push(message: Message): void;
    /** Drops all messages: there will be no connection. */
    clear(): void;
};
