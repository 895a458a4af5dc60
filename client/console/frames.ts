import { textOf } from "./document.js";
import * as json from "./json.js";

/** One frame that passed between a client of the console and the application. */
export interface FrameEntry {
  readonly client: string;
  readonly direction: "sent" | "received";
  readonly at: Date;
  readonly text: string;
}

/** A WebSocket whose frames are told, for the client package to use. What it receives is marked, as `mark` does. */
export function createTapped(tell: (direction: FrameEntry["direction"], text: string) => void): typeof WebSocket {
  return class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("message", (message) => {
        const data: unknown = message.data;
        // What we dispatch ourselves has been told before.
        if (!message.isTrusted) return;
        tell("received", typeof data === "string" ? data : "(binary)");
        if (typeof data !== "string") return;
        const marked = markPayload(data);
        if (marked === data) return;
        message.stopImmediatePropagation();
        this.dispatchEvent(new MessageEvent("message", { data: marked }));
      });
    }

    override send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): void {
      super.send(data);
      tell("sent", typeof data === "string" ? data : "(binary)");
    }
  };
}

/** The client itself reads numbers in control frames and errors, which stay as they are. */
function markPayload(text: string): string {
  const marked = json.mark(text);
  if (marked === text) return text;
  const { event, error } = parse(text);
  return error === undefined && !String(event).startsWith("$") ? marked : text;
}

/** What a frame is about, for its line in the log. */
export interface Summary {
  /** The event, of an answer that of its request. */
  readonly name: string;
  /** What an answer is: the answer, an item or the end of a stream, an error. */
  readonly kind: "" | "answer" | "item" | "end" | "error";
  readonly id: string;
  /** Milliseconds since the request, of an answer. */
  readonly ms: number | undefined;
  readonly isControl: boolean;
  readonly preview: string;
}

const PREVIEW_CHARACTERS = 200;
const REQUESTS_KEPT = 1_000;

/** Reads frames as far as that is possible, in their order; what is no frame is shown as it is. */
export function createReader(): (entry: FrameEntry) => Summary {
  const requests = new Map<string, { readonly event: string; readonly at: Date }>();

  return ({ client, direction, text, at }) => {
    const frame = parse(text);
    const { event, ack, id } = frame;
    // An answer comes from the other end than its request.
    const asker = (direction === "sent") === (ack === undefined) ? "client" : "server";
    const key = `${client} ${asker} ${String(ack ?? id)}`;
    if (typeof event === "string") {
      if (id !== undefined) requests.set(key, { event, at });
      const [oldest] = requests.size > REQUESTS_KEPT ? requests.keys() : [];
      if (oldest !== undefined) requests.delete(oldest);
      const { payload } = frame;
      const kind = event === "$error" ? "error" : "";
      return {
        name: event,
        kind,
        id: numberOf(id),
        ms: undefined,
        isControl: event.startsWith("$"),
        ...preview(payload),
      };
    }
    if (ack === undefined) return { name: "", kind: "", id: "", ms: undefined, isControl: false, ...preview(text) };
    const request = requests.get(key);
    const kind = kindOf(frame);
    if (kind !== "item") requests.delete(key);
    const content = frame["error"] ?? frame["item"] ?? frame["payload"];
    const ms = request && at.getTime() - request.at.getTime();
    return { name: request?.event ?? "", kind, id: numberOf(ack), ms, isControl: false, ...preview(content) };
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    const parsed = json.parse(text);
    return json.isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

function kindOf(frame: Readonly<Record<string, unknown>>): "answer" | "item" | "end" | "error" {
  if ("error" in frame) return "error";
  if ("item" in frame) return "item";
  return "payload" in frame ? "answer" : "end";
}

function numberOf(id: unknown): string {
  return id === undefined ? "" : `#${String(id)}`;
}

function preview(content: unknown): { readonly preview: string } {
  return { preview: textOf(content).slice(0, PREVIEW_CHARACTERS) };
}
