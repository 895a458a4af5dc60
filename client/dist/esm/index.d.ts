export type { RequestOptions, SendOptions, StreamOptions } from "./calls.js";
export { MicroSocket, MicroSocket as default, type MicroSocketConstructor, type Options } from "./client.js";
export type { AnswerOf, AnyContract, AnyListener, AskEvent, Asked, Contract, ErrorOf, Failure, Handler, Incoming, ItemOf, Listener, OutEvent, PayloadOf, RequestEvent, SendEvent, StreamEvent, } from "./contract.js";
export type { Dropped } from "./delivery.js";
export { MicroSocketError } from "./error.js";
export type { SocketCloseEvent, SocketErrorEvent, SocketEventMap, State, StateChangeEvent } from "./events.js";
export type { WebSocketLike } from "./link.js";
export type { DropReason, QueueLimits } from "./queue.js";
export type { ErrorCode, ErrorDetails, Hello, Problem } from "./wire.js";
