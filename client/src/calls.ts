import type { Delivery } from "./delivery.js";
import { MicroSocketError } from "./error.js";
import { createMessage } from "./message.js";
import type { Reply } from "./requests.js";
import { createStream } from "./stream.js";
import { isAnswer } from "./wire.js";

const TIMEOUT_MS = 30_000;

export interface CallOptions {
  readonly plain?: boolean;
  /**
   * Milliseconds that a request may take, waiting in the queue included.
   * @default 30_000
   */
  readonly timeout?: number;
}

export interface SendOptions {
  /**
   * Whether it may wait for a connection. If not, it is lost where there is none.
   * @default true
   */
  readonly queue?: boolean;
}

export interface StreamOptions extends SendOptions {
  /** Cancels it, which throws `cancelled`. */
  readonly signal?: AbortSignal;
}

export interface RequestOptions extends StreamOptions {
  /**
   * Milliseconds until it is cancelled and throws `timeout`; `Infinity` is no limit.
   * @default the socket's `timeout`
   */
  readonly timeout?: number;
}

export type Calls = ReturnType<typeof createCalls>;

/** What a client can do with an event: send it, ask for its answer, or read its stream. */
export function createCalls({ plain, timeout: usual = TIMEOUT_MS }: CallOptions, { deliver, withdraw }: Delivery) {
  function messageOf(event: string, payload: unknown, reply?: Reply) {
    // 1.0 sends "" for no payload, and its servers want one.
    return createMessage(event, plain ? (payload ?? "") : payload, reply);
  }

  return {
    send(event: string, payload?: unknown, { queue }: SendOptions = {}): void {
      deliver(messageOf(event, payload), queue);
    },

    request(event: string, payload?: unknown, options: RequestOptions = {}): Promise<unknown> {
      const { timeout = usual, signal, queue } = options;
      return new Promise((resolve, reject) => {
        const settle = () => {
          clearTimeout(timer);
          unbind();
        };
        const fail = (error: MicroSocketError) => {
          settle();
          reject(error);
        };
        const giveUp = (error: MicroSocketError) => {
          withdraw(message);
          fail(error);
        };
        const message = messageOf(event, payload, {
          fail,
          receive(frame) {
            if (!isAnswer(frame)) return giveUp(new MicroSocketError("bad_frame", "Not an answer: use stream()"));
            settle();
            resolve(frame.payload);
          },
        });
        // A timer cannot wait for longer than this, nor for ever.
        const timer =
          timeout < 2 ** 31
            ? setTimeout(() => giveUp(new MicroSocketError("timeout", `No answer in ${timeout} ms`)), timeout)
            : undefined;
        const unbind = onAbort(signal, giveUp);
        if (signal?.aborted) fail(cancelled(signal));
        else deliver(message, queue);
      });
    },

    stream(
      event: string,
      payload?: unknown,
      { signal, queue }: StreamOptions = {},
    ): AsyncGenerator<unknown, undefined> {
      const { reader, reply, stop } = createStream<unknown>(
        () => deliver(message, queue),
        () => withdraw(message),
        () => unbind(),
      );
      const message = messageOf(event, payload, reply);
      const unbind = onAbort(signal, stop);
      if (signal?.aborted) stop(cancelled(signal));
      return reader;
    },
  };
}

function cancelled(signal: AbortSignal | undefined): MicroSocketError {
  return new MicroSocketError("cancelled", "Aborted by the signal", undefined, { cause: signal?.reason });
}

/** Calls when the signal is aborted from now on. Returns what ends that. */
function onAbort(signal: AbortSignal | undefined, call: (error: MicroSocketError) => void): () => void {
  const listener = () => call(cancelled(signal));
  signal?.addEventListener("abort", listener);
  return () => signal?.removeEventListener("abort", listener);
}
