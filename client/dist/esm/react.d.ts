import type { RequestOptions } from "./calls.js";
import { MicroSocket, type Options } from "./client.js";
import type { AnswerOf, AnyContract, Arguments, Contract, ItemOf, Listener, OutEvent, PayloadOf, RequestEvent, StreamEvent } from "./contract.js";
/**
 * A socket for as long as the component is mounted, which is rendered again when `socket.state` changes. A new `url` makes a
 * new one; of later `options`, only `auth` and `onDropped` count, if they are functions. On a server it does not connect.
 */
export declare function useSocket<C extends Contract = AnyContract>(url: string | URL, options?: Options): MicroSocket<C>;
/** Listens to an event of the server while the component is mounted. The listener of the last render is called. */
export declare function useEvent<C extends Contract, Event extends OutEvent<C>>(socket: MicroSocket<C>, event: Event, listener: Listener<C, Event>): void;
export interface RequestState<Answer> {
    /** The last answer. */
    readonly data: Answer | undefined;
    /** Why the last run failed, if it did. */
    readonly error: Error | undefined;
    readonly pending: boolean;
}
export interface RequestHook<C extends Contract, Event extends RequestEvent<C>> extends RequestState<AnswerOf<C, Event>> {
    /** Sends the request. A run that is pending is cancelled, and so is one whose component is unmounted. */
    readonly run: (...args: Arguments<C, Event, Omit<RequestOptions, "signal">>) => Promise<AnswerOf<C, Event>>;
}
/** A request to be sent by `run`, and what became of it. */
export declare function useRequest<C extends Contract, Event extends RequestEvent<C>>(socket: MicroSocket<C>, event: Event): RequestHook<C, Event>;
export interface StreamState<Item> {
    /** The last items, oldest first. */
    readonly items: readonly Item[];
    /** Why the stream failed, if it did. */
    readonly error: Error | undefined;
    /** Whether the stream has ended by itself. */
    readonly done: boolean;
}
export interface StreamHookOptions {
    /**
     * How many items are kept.
     * @default 100
     */
    readonly keep?: number;
}
/**
 * Reads a stream while the component is mounted and the socket is open. It is started again, without its items, when the
 * connection is another one, and when the payload is another one as JSON.
 */
export declare function useStream<C extends Contract, Event extends StreamEvent<C>>(socket: MicroSocket<C>, event: Event, payload?: PayloadOf<C, Event>, { keep }?: StreamHookOptions): StreamState<ItemOf<C, Event>>;
