// One connection that keeps itself alive: requests and their answers, events, pings, and reconnecting.
// It speaks microsockets.v1: JSON text frames {event, payload, id} out and in, {ack, payload | error} as answers.

const SUBPROTOCOL = "microsockets.v1";
const OPENING_MS = 10_000;
const SILENCE_MS = 15_000;
const ANSWER_MS = 10_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;
const STABLE_MS = 10_000;
const FINAL_CODES = new Set([1000, 1002, 1003, 1007, 1008, 1009, 1010]);

export class RequestError extends Error {
  constructor({ code, message, details }) {
    super(message || code);
    this.code = code;
    this.details = details;
  }
}

export class Connection {
  #url;
  #socket = null;
  #listeners = new Map();
  #requests = new Map();
  #nextId = 0;
  #attempts = 0;
  #openedAt = 0;
  #resumeAt = 0;
  #watchTimer;
  #retryTimer;
  #drainTimer;

  // "closed", "connecting", "open" or "waiting" (for the next attempt).
  state = "closed";

  constructor(url) {
    this.#url = url;
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#hurry());
  }

  // Listens for an event of the application, or for "$state" (state, close code) and "$error" (error).
  on(event, listener) {
    this.#listeners.set(event, listener);
  }

  open() {
    if (this.state === "closed") {
      this.#attempts = 0;
      this.#connect();
    }
  }

  // Closes for good; open() starts again.
  close() {
    this.#detach(1000);
    this.#setState("closed");
  }

  // Sends an event and resolves to its answer, or rejects with a RequestError.
  request(event, payload) {
    if (this.state !== "open") {
      return Promise.reject(new RequestError({ code: "disconnected", message: "Not connected" }));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#requests.set(id, { resolve, reject });
      this.#write({ event, payload, id });
    });
  }

  // Sends an event whose outcome does not matter; dropped while there is no connection.
  send(event, payload) {
    if (this.state === "open") this.#write({ event, payload });
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#setState("connecting");
    const socket = new WebSocket(this.#url, [SUBPROTOCOL]);
    this.#socket = socket;
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = (close) => this.#lost(close.code);
    this.#watchTimer = setTimeout(() => this.#drop(), OPENING_MS);
  }

  #write(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  #receive(data) {
    this.#watch();
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (frame.ack !== undefined) this.#settle(frame);
    else if (typeof frame.event === "string") this.#handle(frame);
  }

  #settle({ ack, payload, error }) {
    const request = this.#requests.get(ack);
    this.#requests.delete(ack);
    if (error) request?.reject(new RequestError(error));
    else request?.resolve(payload);
  }

  #handle({ event, payload, id }) {
    if (event === "$hello") {
      this.#openedAt = performance.now();
      this.#setState("open");
    } else if (event === "$error") {
      this.#emit("$error", new RequestError(payload));
    } else if (event === "$drain") {
      // The server is about to go: move when it says, so that not everybody moves at once.
      const after = Number(payload?.after_ms) || 0;
      this.#resumeAt = performance.now() + after;
      clearTimeout(this.#drainTimer);
      this.#drainTimer = setTimeout(() => this.#drop(), after);
    } else if (id !== undefined) {
      this.#write({ ack: id, error: { code: "unknown_event", message: "This page answers no questions" } });
    } else if (!event.startsWith("$")) {
      this.#emit(event, payload);
    }
  }

  #emit(event, ...details) {
    this.#listeners.get(event)?.(...details);
  }

  #setState(state, code) {
    this.state = state;
    this.#emit("$state", state, code);
  }

  // Anything received proves that the other side lives; after silence, ask.
  #watch() {
    clearTimeout(this.#watchTimer);
    this.#watchTimer = setTimeout(() => {
      this.request("$ping").catch(() => {});
      this.#watchTimer = setTimeout(() => this.#drop(), ANSWER_MS);
    }, SILENCE_MS);
  }

  // Gives a connection up without waiting for its close handshake, which a dead one never finishes.
  #drop() {
    this.#lost(1006);
  }

  #lost(code) {
    this.#detach();
    if (FINAL_CODES.has(code) || (code >= 4500 && code <= 4999)) {
      this.#setState("closed", code);
      return;
    }
    const now = performance.now();
    if (this.#openedAt && now - this.#openedAt > STABLE_MS) this.#attempts = 0;
    const limit = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts++);
    const delay = limit / 2 + (Math.random() * limit) / 2 + Math.max(0, this.#resumeAt - now);
    this.#openedAt = this.#resumeAt = 0;
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
    this.#setState("waiting", code);
  }

  // The network is back, or somebody looks at the page: no reason to wait long.
  #hurry() {
    if (this.state !== "waiting") return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#connect(), Math.random() * FIRST_DELAY_MS);
  }

  #detach(code) {
    for (const timer of [this.#watchTimer, this.#retryTimer, this.#drainTimer]) clearTimeout(timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close(code);
    }
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const { reject } of requests) reject(new RequestError({ code: "disconnected", message: "The connection was lost" }));
  }
}
