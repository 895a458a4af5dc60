import type { Reply } from "./requests.js";
/** An event on its way to the server. */
export interface Message {
    readonly event: string;
    readonly payload: unknown;
    /** The payload and the end of the frame, encoded at once, so that a later change to the payload does not travel. */
    readonly tail: string;
    /** Who waits for an answer, if anybody does. */
    readonly reply: Reply | undefined;
    /** The id it was sent with, if it was. */
    id?: number | undefined;
    /** Ends its time in the queue. */
    timer?: ReturnType<typeof setTimeout>;
}
/** @throws {TypeError} if the payload cannot be JSON, or if the name is not that of an application's event. */
export declare function createMessage(event: string, payload: unknown, reply?: Reply): Message;
/** The frame, with the id if there is one by now. */
export declare function encode({ event, id, tail }: Message): string;
/** @throws {TypeError} if this is not the name of an application's event. */
export declare function checkName(event: unknown): void;
