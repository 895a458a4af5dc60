import { MicroSocketError } from "./error.js";
import { type AnswerFrame, type EndFrame, type ItemFrame, type ReplyFrame } from "./wire.js";
/** Who waits for the reply to a request: an answer, or items and their end. */
export interface Reply {
    /** Whether it may take for ever. */
    readonly streams?: boolean;
    receive(frame: AnswerFrame | ItemFrame | EndFrame): void;
    fail(error: MicroSocketError): void;
}
export type Requests = ReturnType<typeof createRequests>;
/** The requests that wait for a reply. Their ids count up, and none is used twice. */
export declare function createRequests(): {
    /** Stops to wait, and returns who did. */
    take: (id: number) => Reply | undefined;
    /** How many wait, not counting streams. */
    unanswered: () => number;
    /** Waits for the reply to a request that is sent with the id returned. */
    add(reply: Reply): number;
    /** Hands a frame to who waits for it, if anybody does (any more). */
    settle(frame: ReplyFrame): void;
    /** No reply will come any more. */
    failAll(error: MicroSocketError): void;
};
