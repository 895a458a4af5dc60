import { MicroSocketError } from "./error.js";
/** What a script tag makes global as `MicroSocket`. */
declare const _default: import("./client.js").MicroSocketConstructor & {
    MicroSocketError: typeof MicroSocketError;
};
export default _default;
