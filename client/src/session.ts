import { sensible } from "./backoff.js";
import { type CallOptions, createCalls } from "./calls.js";
import { createDelivery, type DeliveryOptions, lossOf } from "./delivery.js";
import { createEmitter, report } from "./emitter.js";
import { MicroSocketError } from "./error.js";
import type { End, SocketEventTarget } from "./events.js";
import { createLink, type LinkOptions } from "./link.js";
import { checkName } from "./message.js";
import { createQuestions } from "./questions.js";
import { type Hello, isControl, type RequestFrame, type UnaskedError } from "./wire.js";

type Listener = (payload: unknown, event: string, wsEvent: MessageEvent) => unknown;

/** The key of listeners that are called with every event. */
const ANY = Symbol("any event");

export interface SessionOptions extends LinkOptions, DeliveryOptions, CallOptions {
  readonly plain?: boolean;
}

/**
 * The methods and properties of a socket: puts its parts together, and tells `target` what happens as events.
 * @internal
 */
export function createSession(url: string | URL, options: SessionOptions, target: SocketEventTarget) {
  const events = createEmitter<string | typeof ANY, [payload: unknown, event: string, wsEvent: MessageEvent]>();
  const questions = createQuestions();
  let hello: Hello | null = null;

  function fail(error: MicroSocketError, event?: string): void {
    target.fire("error", { error, event });
  }

  async function answer({ id, event, payload }: RequestFrame): Promise<void> {
    const { socket } = link;
    const frame = await questions.answer(id, event, payload);
    // Who asked may be gone by now.
    if (link.readyState === 1 && link.socket === socket) socket?.send(frame);
  }

  const link = createLink(url, options, {
    failed: fail,

    changed(change) {
      const { state, previous, wasClean } = change;
      if (previous === "open") {
        hello = null;
        delivery.lost();
      }
      if (link.readyState > 1) delivery.closed();
      target.fire("statechange", change);
      if (state !== "closed") return;
      if (previous !== "closing" && !wasClean) fail(lossOf("disconnected"));
      target.fire("close", change as End);
    },

    opened(next) {
      hello = next;
      if (link.socket) link.socket.binaryType = target.binaryType;
      delivery.opened(hello, () => target.fire("open", {}));
    },

    received(frame, message) {
      if (!frame) return target.fireMessage(message);
      const { event, payload } = frame;
      if (event === undefined) delivery.settle(frame);
      else if (event === "$error") {
        const failure = payload as unknown as UnaskedError;
        delivery.obey(failure);
        fail(MicroSocketError.from(failure), failure.event);
      } else if (event === "$drain") {
        delivery.drain(sensible((payload as { readonly after_ms: number } | undefined)?.after_ms ?? 0));
      } else if (!isControl(event)) {
        target.fireMessage(message);
        if (frame.id !== undefined) answer(frame).catch(report);
        else {
          events.emit(event, payload, event, message);
          events.emit(ANY, payload, event, message);
        }
      }
    },
  });
  const delivery = createDelivery(options, link, fail);

  function bind(event: string, listener: Listener, once = false): () => void {
    checkName(event);
    return events.on(event, listener, once);
  }

  async function untilReady(): Promise<void> {
    while (link.readyState === 0) {
      await new Promise((resolve) => target.addEventListener("statechange", resolve, { once: true }));
    }
    if (link.readyState > 1) throw lossOf("disconnected");
  }

  return {
    ...createCalls(options, delivery),
    open: link.open,
    close: link.close,
    on: (event: string, listener: Listener) => bind(event, listener),
    once: (event: string, listener: Listener) => bind(event, listener, true),
    onAny: (listener: Listener) => events.on(ANY, listener),
    off: events.off,
    handle: questions.bind,
    isError: (_event: string, error: unknown) => error instanceof MicroSocketError,

    get state() {
      return link.state;
    },
    get hello() {
      return hello;
    },
    get ready() {
      return untilReady();
    },
    get url() {
      return link.url;
    },
    get readyState() {
      return link.readyState;
    },
    get protocol() {
      return link.socket?.protocol ?? "";
    },
    get extensions() {
      return link.socket?.extensions ?? "";
    },
    get bufferedAmount() {
      return link.socket?.bufferedAmount ?? 0;
    },
  };
}
