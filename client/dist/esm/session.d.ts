import { type CallOptions } from "./calls.js";
import { type DeliveryOptions } from "./delivery.js";
import { type LinkOptions } from "./link.js";
export interface SessionOptions extends LinkOptions, DeliveryOptions, CallOptions {
    readonly plain?: boolean;
}
