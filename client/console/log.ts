import { button, h } from "./dom.js";
import { createReader, type FrameEntry, type Summary } from "./frames.js";
import { parse } from "./json.js";
import { toJson } from "./literal.js";

const KEPT = 1_000;

/** The frames of all clients in the order in which they passed, the last at the end. */
export interface Log {
  readonly element: HTMLElement;
  add(entry: FrameEntry): void;
}

interface Line extends FrameEntry {
  readonly summary: Summary;
  readonly row: HTMLElement;
}

/** The last 1,000 frames are kept. Those that come while it is paused are shown when it goes on. */
export function createLog(clients: readonly string[]): Log {
  let lines: Line[] = [];
  let waiting: FrameEntry[] = [];
  let isScheduled = false;
  const read = createReader();

  const list = h("ol", { className: "frames", tabIndex: 0, aria: { label: "Frames" } });
  const count = h("small", { className: "count" });
  const text = h("input", {
    type: "search",
    placeholder: "Filter by event or content",
    aria: { label: "Filter frames" },
    oninput: () => filter(),
  });
  const boxes = new Map<string, HTMLInputElement>();
  const toggle = (name: string, label: string, checked = true) => {
    const box = h("input", { type: "checkbox", checked, onchange: () => filter() });
    boxes.set(name, box);
    return h("label", { className: "toggle" }, box, label);
  };
  const paused = h("input", { type: "checkbox", onchange: () => schedule() });

  const passes = ({ client, direction, summary, text: content }: Line): boolean =>
    Boolean(boxes.get(client)?.checked) &&
    Boolean(boxes.get(direction)?.checked) &&
    (Boolean(boxes.get("control")?.checked) || !summary.isControl || summary.kind === "error") &&
    content.toLowerCase().includes(text.value.trim().toLowerCase());

  function filter(): void {
    for (const line of lines) line.row.hidden = !passes(line);
    tellCount();
  }

  function tellCount(): void {
    const shown = lines.filter(({ row }) => !row.hidden).length;
    count.textContent = shown === lines.length ? `${shown}` : `${shown} of ${lines.length}`;
  }

  function schedule(): void {
    if (isScheduled || paused.checked) return;
    isScheduled = true;
    requestAnimationFrame(show);
  }

  function show(): void {
    isScheduled = false;
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const fresh = waiting.map((entry) => createLine(entry, read(entry))).slice(-KEPT);
    waiting = [];
    for (const line of fresh) line.row.hidden = !passes(line);
    list.append(...fresh.map(({ row }) => row));
    lines.push(...fresh);
    for (const { row } of lines.slice(0, -KEPT)) row.remove();
    lines = lines.slice(-KEPT);
    tellCount();
    if (follows) list.scrollTop = list.scrollHeight;
  }

  function clear(): void {
    for (const { row } of lines) row.remove();
    lines = [];
    waiting = [];
    tellCount();
  }

  const bar = h(
    "div",
    { className: "bar" },
    h("h2", {}, "Frames"),
    count,
    text,
    ...clients.map((client) => toggle(client, client)),
    toggle("sent", "sent"),
    toggle("received", "received"),
    toggle("control", "control", false),
    h("label", { className: "toggle" }, paused, "pause"),
    button("Clear", clear, { className: "quiet" }),
  );
  tellCount();
  return {
    element: h("section", { className: "log", id: "log", aria: { label: "Frames" } }, bar, list),
    add(entry) {
      waiting.push(entry);
      // What nobody will see need not be kept while it is paused.
      if (waiting.length > 2 * KEPT) waiting = waiting.slice(-KEPT);
      schedule();
    },
  };
}

function createLine(entry: FrameEntry, summary: Summary): Line {
  const { client, direction, at } = entry;
  const { name, kind, id, ms, preview } = summary;
  const whole = h("pre", {});
  const details = h(
    "details",
    {
      ontoggle: () => {
        if (details.open && !whole.textContent) whole.textContent = pretty(entry.text);
      },
    },
    h(
      "summary",
      {},
      h("time", { dateTime: at.toISOString() }, timeOf(at)),
      h("span", { className: "chip", data: { client } }, client),
      h("span", { className: "arrow", title: direction, aria: { label: direction } }, direction === "sent" ? "↑" : "↓"),
      h("b", {}, name),
      Boolean(kind) && h("span", { className: kind === "error" ? "bad" : "kind" }, kind),
      h("small", {}, id),
      ms !== undefined && h("small", {}, `${ms} ms`),
      h("code", {}, preview),
    ),
    whole,
  );
  return { ...entry, summary, row: h("li", { data: { client, direction } }, details) };
}

function pretty(text: string): string {
  try {
    return toJson(parse(text));
  } catch {
    return text;
  }
}

function timeOf(at: Date): string {
  const padded = (value: number, length = 2) => String(value).padStart(length, "0");
  return `${[at.getHours(), at.getMinutes(), at.getSeconds()].map((each) => padded(each)).join(":")}.${padded(at.getMilliseconds(), 3)}`;
}
