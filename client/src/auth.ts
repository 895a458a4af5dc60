import { MicroSocketError } from "./error.js";
import { AUTH_PREFIX, MAX_AUTH_BYTES } from "./wire.js";

/**
 * The subprotocol entry that carries auth data: any JSON, as base64url without padding.
 *
 * @throws {MicroSocketError} `too_large` beyond 4 KiB of JSON.
 */
export function authProtocol(auth: unknown): string {
  const json = JSON.stringify(auth);
  const bytes = new TextEncoder().encode(json);
  if (bytes.length > MAX_AUTH_BYTES) {
    throw new MicroSocketError("too_large", "`auth` is over 4 KiB");
  }
  const base64 = btoa(String.fromCharCode(...bytes));
  return AUTH_PREFIX + base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
