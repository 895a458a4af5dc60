import { MicroSocket, MicroSocketError, type StateChangeEvent } from "../src/index.js";
import { type Call, type Composer, createComposer } from "./composer.js";
import { type Connection, createConnection, type Target } from "./connection.js";
import type { Published } from "./document.js";
import { choice, h } from "./dom.js";
import { createTapped, type FrameEntry } from "./frames.js";
import { own, restore } from "./json.js";
import { createOutcomes, type Request } from "./outcomes.js";
import { problemsOf } from "./problems.js";
import { createQuestions } from "./questions.js";
import { createResults, type Result } from "./results.js";
import { type Language, snippet } from "./snippets.js";

/** One of the clients: connects to a namespace, and calls its events. */
export interface Panel {
  readonly element: HTMLElement;
  /** Shows an event, for writing a call. Leaves a connection to another namespace. */
  choose(path: string, event: string): void;
}

interface Surroundings {
  readonly published: Published;
  /** Where the application is, with a slash at its end. */
  readonly root: URL;
  tell(entry: FrameEntry): void;
  copied(code: string): void;
}

export function createPanel(name: string, { published, root, tell, copied }: Surroundings): Panel {
  const { namespaces, schemas } = published.contract;
  let socket: MicroSocket | undefined;
  let connection: Connection | undefined;
  let composer: Composer | undefined;
  /** How the socket was connected, which need not be what the form says now. */
  let connected: Target | undefined;
  const outcomes = createOutcomes();

  const path = choice(
    Object.keys(namespaces).map((each) => [each, each]),
    { aria: { label: `Namespace of client ${name}` }, onchange: () => show() },
  );
  const state = h("span", { className: "state", role: "status", data: { state: "closed" } }, "closed");
  const toggle = h("button", { type: "submit", className: "main" }, "Connect");
  const note = h("p", { className: "note", role: "alert", hidden: true });
  const parameters = h("details", { open: true });
  const composing = h("div");
  const questions = createQuestions(schemas, name);
  const results = createResults(name);
  const form = h(
    "form",
    {
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        if (isConnected()) disconnect();
        else connect();
      },
    },
    h("div", { className: "line" }, path, toggle),
    parameters,
  );

  const isConnected = () => socket !== undefined && socket.state !== "closed";

  function say(text: string): void {
    note.textContent = text;
    note.hidden = !text;
  }

  function show(): void {
    disconnect();
    const namespace = namespaces[path.value];
    if (!namespace) return;
    const examples = published.examples[path.value];
    connection = createConnection(path.value, namespace, examples?.params, schemas);
    parameters.replaceChildren(h("summary", {}, "Parameters"), connection.element);
    composer = createComposer(namespace, examples, schemas, { call, copy });
    composer.enable(false);
    composing.replaceChildren(composer.element);
  }

  function read(): Target | undefined {
    try {
      return connection?.read();
    } catch {
      // Its editor says what is wrong.
      parameters.open = true;
      return undefined;
    }
  }

  function connect(): void {
    const namespace = namespaces[path.value];
    const found = read();
    if (!namespace || !found) return;
    say("");
    connected = found;
    const opened = new MicroSocket(addressOf(found), {
      auth: found.auth,
      WebSocket: createTapped((direction, text) => {
        tell({ client: name, direction, text, at: new Date() });
      }),
    });
    for (const [event, ask] of Object.entries(namespace.asks)) {
      const example = own(published.examples[path.value]?.answers, event);
      opened.handle(event, (payload) => questions.ask(event, ask, restore(payload), example));
    }
    // Of a client that was replaced, nothing is shown any more.
    const current = (use: () => void) => socket === opened && use();
    opened.addEventListener("statechange", (change) => current(() => changed(change)));
    opened.addEventListener("error", ({ event, error }) => {
      current(() => say(`${event ? `${event}: ` : ""}${error.code}: ${error.message}`));
    });
    socket = opened;
    reflect();
  }

  function disconnect(): void {
    socket?.close();
    socket = undefined;
    parameters.open = true;
    questions.clear();
    reflect();
  }

  function changed({ code, reason, delay }: StateChangeEvent): void {
    reflect();
    // Room for what comes next, and back when they may be what is wrong.
    if (socket?.state === "open" || code !== undefined) parameters.open = socket?.state !== "open";
    if (socket?.state !== "open") questions.clear();
    if (code === undefined) {
      if (socket?.state === "open") say("");
      return;
    }
    const again = delay === undefined ? "" : `, next attempt in ${(delay / 1000).toFixed(1)} s`;
    say(`The connection ended with ${code}${reason ? ` ${reason}` : ""}${again}.${hint(code)}`);
  }

  function reflect(): void {
    const now = socket?.state ?? "closed";
    state.textContent = now;
    state.dataset["state"] = now;
    toggle.textContent = isConnected() ? "Disconnect" : "Connect";
    toggle.classList.toggle("main", !isConnected());
    composer?.enable(now === "open");
  }

  function addressOf({ path: within }: Target): string {
    const url = new URL(`.${within}`, root);
    url.protocol = url.protocol.replace("http", "ws");
    return url.href;
  }

  function call(call: Call): void {
    if (!socket || !connected) return;
    const abort = new AbortController();
    const result = results.begin(call.event, call.kind === "send" ? undefined : () => abort.abort());
    const request = { target: connected, event: call.event, payload: call.payload };
    perform(socket, call, request, result, abort.signal).catch((error: unknown) => {
      result.failed(error);
      if (!(error instanceof MicroSocketError)) return;
      if (call.kind === "request") outcomes.failed(request, error.code);
      if (error.code === "invalid_payload") call.report(problemsOf(error.details));
    });
  }

  async function perform(
    using: MicroSocket,
    { event, kind, payload }: Call,
    request: Request,
    result: Result,
    signal: AbortSignal,
  ) {
    switch (kind) {
      case "send":
        using.send(event, payload);
        result.sent();
        break;
      case "request": {
        const answer = restore(await using.request(event, payload, { signal }));
        outcomes.answered(request, answer);
        result.answered(answer);
        break;
      }
      case "stream":
        for await (const item of using.stream(event, payload, { signal })) result.item(restore(item));
        result.ended();
    }
  }

  function copy(language: Language, { event, kind, payload }: Call): void {
    const target = read();
    if (!target) return;
    const outcome = kind === "request" ? outcomes.of({ target, event, payload }) : undefined;
    const type = published.types[path.value] ?? "Contract";
    copied(
      snippet(language, {
        url: addressOf(target),
        path: target.path,
        auth: target.auth,
        type,
        event,
        kind,
        payload,
        outcome,
      }),
    );
  }

  if (path.options.length) show();
  return {
    element: h(
      "section",
      {
        className: "panel",
        id: `client-${name.toLowerCase()}`,
        data: { client: name },
        aria: { label: `Client ${name}` },
      },
      h(
        "div",
        { className: "title" },
        h("h2", {}, h("span", { className: "chip", data: { client: name } }, name), " Client"),
        state,
      ),
      form,
      note,
      questions.element,
      composing,
      results.element,
    ),
    choose(where, event) {
      if (path.value !== where) {
        path.value = where;
        show();
      }
      composer?.choose(event);
    },
  };
}

function hint(code: number): string {
  if (code === 4401 || code === 4503) return " The application refused: look at the parameters and at auth.";
  if (code === 1006)
    return " Nothing answers, the parameters do not validate, or this page is refused: the server's log says which.";
  return "";
}
