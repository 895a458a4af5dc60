import { MicroSocketError } from "./error.js";
import { type AnswerFrame, type EndFrame, type ItemFrame, isFailure, isItem, type ReplyFrame } from "./wire.js";

/** Who waits for the reply to a request: an answer, or items and their end. */
export interface Reply {
  /** Whether it may take for ever. */
  readonly streams?: boolean;
  receive(frame: AnswerFrame | ItemFrame | EndFrame): void;
  fail(error: MicroSocketError): void;
}

export type Requests = ReturnType<typeof createRequests>;

/** The requests that wait for a reply. Their ids count up, and none is used twice. */
export function createRequests() {
  const waiting = new Map<number, Reply>();
  let next = 0;
  let unanswered = 0;

  function take(id: number): Reply | undefined {
    const reply = waiting.get(id);
    if (waiting.delete(id) && !reply?.streams) unanswered--;
    return reply;
  }

  return {
    /** Stops to wait, and returns who did. */
    take,

    /** How many wait, not counting streams. */
    unanswered: () => unanswered,

    /** Waits for the reply to a request that is sent with the id returned. */
    add(reply: Reply): number {
      waiting.set(next, reply);
      if (!reply.streams) unanswered++;
      return next++;
    },

    /** Hands a frame to who waits for it, if anybody does (any more). */
    settle(frame: ReplyFrame): void {
      if (isItem(frame)) waiting.get(frame.ack)?.receive(frame);
      else {
        const reply = take(frame.ack);
        if (isFailure(frame)) reply?.fail(MicroSocketError.from(frame.error));
        else reply?.receive(frame);
      }
    },

    /** No reply will come any more. */
    failAll(error: MicroSocketError): void {
      for (const id of [...waiting.keys()]) take(id)?.fail(error);
    },
  };
}
