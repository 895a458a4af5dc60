export { t as MicroSocket, t as default, n as MicroSocketError } from "./client.js";
