import { report } from "./emitter.js";
import { MicroSocketError } from "./error.js";
import { checkName } from "./message.js";

const MOST_UNANSWERED = 256;

type Handler = (payload: unknown, event: string) => unknown;

export type Questions = ReturnType<typeof createQuestions>;

/** What answers the server's questions, by event. */
export function createQuestions() {
  const handlers = new Map<string, Handler>();
  let unanswered = 0;

  return {
    /** Binds the handler of an event, in place of the one that it had; the function returned unbinds it. */
    bind(event: string, handler: Handler): () => void {
      checkName(event);
      handlers.set(event, handler);
      return () => {
        if (handlers.get(event) === handler) handlers.delete(event);
      };
    },

    /** The frame that answers a question; what goes wrong is an answer, too. */
    async answer(id: number, event: string, payload: unknown): Promise<string> {
      unanswered++;
      try {
        if (unanswered > MOST_UNANSWERED)
          throw new MicroSocketError("overloaded", "Too many questions", { retry_after: 1 });
        const handler = handlers.get(event);
        if (!handler) throw new MicroSocketError("unknown_event", "No handler");
        return `{"ack":${id},"payload":${JSON.stringify(await handler(payload, event)) ?? null}}`;
      } catch (error) {
        const ours = error instanceof MicroSocketError;
        // What went wrong in the page is for its developers, not for the server.
        if (!ours) report(error);
        const { code, message, details } = ours ? error : new MicroSocketError("internal_error", "The handler failed");
        return JSON.stringify({ ack: id, error: { code, message, details } });
      } finally {
        unanswered--;
      }
    },
  };
}
