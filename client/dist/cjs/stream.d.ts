import { MicroSocketError } from "./error.js";
import type { Reply } from "./requests.js";
export interface Stream<Item> {
    readonly reply: Reply;
    readonly reader: AsyncGenerator<Item, undefined>;
    /** Cancels the request and forgets what was not read. With an error, that is what the reader gets next. */
    stop(error?: MicroSocketError): void;
}
/**
 * The items that answer one request, to be read once. The request is sent when the first item is asked for.
 *
 * A reader who leaves cancels the request. So does one who is 1,000 items behind, and gets `overloaded` after those items.
 *
 * `send` sends the request, `cancel` takes it back, and `over` is called when nothing more will come.
 */
export declare function createStream<Item>(send: () => void, cancel: () => void, over: () => void): Stream<Item>;
