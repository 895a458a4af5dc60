import type { Message } from "./message.js";

/**
 * Why a message was lost: an error code.
 *
 * - `disconnected`: there was no connection and it was not to wait for one, or the socket was closed for good, or the
 *   connection was lost before the server confirmed it.
 * - `overloaded`: the queue held as much as it may.
 * - `timeout`: it waited for longer than the queue keeps messages.
 * - `too_large`: the server takes no frame of this size.
 */
export type DropReason = "disconnected" | "overloaded" | "timeout" | "too_large";

/** How often a message that is too old, but was sent, is looked at again. */
const AGAIN_MS = 1000;

/** How much may wait for a connection. */
export interface QueueLimits {
  /**
   * Messages.
   * @default 256
   */
  readonly size?: number;
  /**
   * Characters of JSON, of all messages together.
   * @default 1_048_576
   */
  readonly characters?: number;
  /**
   * Milliseconds that each message may wait.
   * @default 60_000
   */
  readonly age?: number;
}

export type Queue = ReturnType<typeof createQueue>;

/**
 * Messages that wait for a connection, in order, bounded in number, size and age. `dropped` is called with each that is lost.
 *
 * A message that was sent has an id, and stays until it is removed: so it has its place if it must be sent again.
 */
export function createQueue(limits: QueueLimits, dropped: (message: Message, reason: DropReason) => void) {
  const { size = 256, characters = 1_048_576, age = 60_000 } = limits;
  const messages: Message[] = [];
  let held = 0;

  function remove(message: Message): boolean {
    const index = messages.indexOf(message);
    if (index < 0) return false;
    messages.splice(index, 1);
    held -= message.tail.length;
    clearTimeout(message.timer);
    return true;
  }

  function drop(message: Message, reason: DropReason): void {
    if (remove(message)) dropped(message, reason);
  }

  return {
    /** How many there are, with those that were sent. */
    length: () => messages.length,

    /** The oldest message that was not sent. */
    next: () => messages.find((message) => message.id === undefined),

    /** Takes a message out. Returns whether it was there. */
    remove,

    /** Adds a message at the end, or drops it if there is no room: those that wait already go first. */
    push(message: Message): void {
      if (messages.length >= size || held + message.tail.length > characters) return dropped(message, "overloaded");
      messages.push(message);
      held += message.tail.length;
      const wait = (ms: number) => {
        message.timer = setTimeout(() => {
          // One that was sent is as good as gone, but it may come back.
          if (message.id === undefined) drop(message, "timeout");
          else wait(AGAIN_MS);
        }, ms);
      };
      // No timer takes a longer wait.
      wait(Math.min(age, 2 ** 31 - 1));
    },

    /** Drops all messages: there will be no connection. */
    clear(): void {
      for (const message of [...messages]) drop(message, "disconnected");
    },
  };
}
