import { MicroSocket } from "./client.js";
import { MicroSocketError } from "./error.js";

/** What a script tag makes global as `MicroSocket`. */
export default Object.assign(MicroSocket, { MicroSocketError });
