/**
 * The subprotocol entry that carries auth data: any JSON, as base64url without padding.
 *
 * @throws {MicroSocketError} `too_large` beyond 4 KiB of JSON.
 */
export declare function authProtocol(auth: unknown): string;
