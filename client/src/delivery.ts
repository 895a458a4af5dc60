import { sensible } from "./backoff.js";
import { attempt } from "./emitter.js";
import { MicroSocketError } from "./error.js";
import type { Link } from "./link.js";
import { encode, type Message } from "./message.js";
import { createQueue, type DropReason, type QueueLimits } from "./queue.js";
import { createRequests, type Reply } from "./requests.js";
import { type ErrorObject, type Hello, isFailure, isItem, type ReplyFrame } from "./wire.js";

const MOST_UNANSWERED = 8;
const LEAST_PAUSE_MS = 200;

/** A message that was lost. */
export interface Dropped {
  readonly event: string;
  readonly payload: unknown;
  readonly reason: DropReason;
  /** Whether it had been sent: then it may have arrived. */
  readonly sent: boolean;
}

export interface DeliveryOptions {
  readonly plain?: boolean;
  /**
   * What may wait for a connection; `false` for nothing.
   * @default { size: 256, characters: 1_048_576, age: 60_000 }
   */
  readonly queue?: QueueLimits | false;
  /** Told of each message that was lost. A request that is lost throws as well. */
  readonly onDropped?: (dropped: Dropped) => void;
}

/** The error of a request that was lost. */
export function lossOf(reason: DropReason): MicroSocketError {
  return new MicroSocketError(reason, `Not delivered: ${reason}`);
}

export type Delivery = ReturnType<typeof createDelivery>;

/**
 * Brings messages to the server and replies back. What finds no connection waits in the queue, which is sent in order and with
 * at most 8 requests unanswered. `failed` is called when the server refuses a message from the queue that nobody waits for.
 */
export function createDelivery(
  options: DeliveryOptions,
  link: Link,
  failed: (error: MicroSocketError, event: string) => void,
) {
  const { plain, onDropped } = options;
  const queue = createQueue(options.queue || {}, drop);
  const requests = createRequests();
  let largest = Number.POSITIVE_INFINITY;
  /** Listeners of `open` run, and what they send goes before the queue. */
  let greeting = false;
  /** The server is about to go: the connection is given up as soon as nothing is in flight. */
  let leaving = false;
  let leaveTimer: ReturnType<typeof setTimeout> | undefined;
  /** The server is busy: the queue waits for this timer. */
  let pauseTimer: ReturnType<typeof setTimeout> | undefined;

  function drop(message: Message, reason: DropReason): void {
    const { event, payload, reply, id } = message;
    reply?.fail(lossOf(reason));
    attempt(() => onDropped?.({ event, payload, reason, sent: id !== undefined }));
  }

  function write(message: Message, reply = message.reply): void {
    if (message.tail.length > largest) return drop(message, "too_large");
    if (reply) message.id = requests.add(reply);
    link.socket?.send(encode(message));
  }

  /** Sends what waits in the queue, as far as the server has answered what was sent before. */
  function advance(): void {
    if (leaving && requests.unanswered() === 0) return link.abandon();
    while (link.readyState === 1 && !(greeting || leaving || pauseTimer) && requests.unanswered() < MOST_UNANSWERED) {
      const message = queue.next();
      if (!message) return;
      // An event that needs no answer asks for one, too, to tell that the server has taken it. Plain servers may not answer.
      const confirmed = !(message.reply || plain);
      if (!confirmed) queue.remove(message);
      write(message, confirmed ? confirmation(message) : message.reply);
    }
  }

  function confirmation(message: Message): Reply {
    return {
      receive(frame) {
        queue.remove(message);
        if (isItem(frame)) withdraw(message);
      },
      fail(error) {
        if (isBusy(error)) {
          message.id = undefined;
          return;
        }
        queue.remove(message);
        if (error.code === "disconnected") drop(message, "disconnected");
        else failed(error, message.event);
      },
    };
  }

  function withdraw(message: Message): void {
    if (queue.remove(message) || message.id === undefined || !requests.take(message.id)) return;
    if (!plain) link.socket?.send(`{"event":"$cancel","payload":${message.id}}`);
    advance();
  }

  /** If the server has too much to do, the queue waits, and so does the next attempt to connect. */
  function obey(error: ErrorObject<string, unknown>): void {
    if (!isBusy(error)) return;
    const details = error.details as { readonly retry_after: number } | null | undefined;
    const wait = Math.max(LEAST_PAUSE_MS, sensible((details?.retry_after ?? 0) * 1000));
    // `rate_limited` is about one event, not about the connection.
    if (error.code === "overloaded") link.backoff.hold(wait);
    clearTimeout(pauseTimer);
    pauseTimer = setTimeout(() => {
      pauseTimer = undefined;
      advance();
    }, wait);
  }

  return {
    obey,

    /** Takes a message back: nobody waits for its answer any more. */
    withdraw,

    /** Sends a message, or lets it wait, or drops it. */
    deliver(message: Message, mayWait = options.queue !== false): void {
      const { readyState } = link;
      if (readyState === 1 && !leaving && (greeting || !mayWait || queue.length() === 0)) write(message);
      else if (mayWait && readyState < 2) queue.push(message);
      else drop(message, "disconnected");
    },

    /** A reply has come. */
    settle(frame: ReplyFrame): void {
      if (isFailure(frame)) obey(frame.error);
      requests.settle(frame);
      advance();
    },

    /** A connection is open. What is sent while `greet` runs goes before the queue. */
    opened(hello: Hello | null, greet: () => void): void {
      largest = hello?.limits["frame_bytes"] ?? Number.POSITIVE_INFINITY;
      greeting = true;
      greet();
      greeting = false;
      advance();
    },

    /** The server goes in so many milliseconds. */
    drain(ms: number): void {
      link.backoff.hold(ms);
      clearTimeout(leaveTimer);
      leaveTimer = setTimeout(() => {
        leaving = true;
        advance();
      }, ms);
    },

    /** The connection is gone. */
    lost(): void {
      clearTimeout(leaveTimer);
      clearTimeout(pauseTimer);
      leaving = false;
      pauseTimer = undefined;
      requests.failAll(lossOf("disconnected"));
    },

    /** There will be no other connection. */
    closed: queue.clear,
  };
}

function isBusy(error: ErrorObject<string, unknown>): boolean {
  return error.code === "overloaded" || error.code === "rate_limited";
}
