import { MicroSocketError } from "../src/index.js";
import { button, h } from "./dom.js";
import { toJson } from "./literal.js";
import { problemsOf, sentence } from "./problems.js";

const KEPT = 50;
const ITEMS_KEPT = 200;

/** The calls of one client with what came back, the last one first. */
export interface Results {
  readonly element: HTMLElement;
  /** Adds a call that goes out now. */
  begin(event: string, stop?: () => void): Result;
}

/** What became of a call. Times are milliseconds from here and back. */
export interface Result {
  answered(answer: unknown): void;
  item(item: unknown): void;
  ended(): void;
  failed(error: unknown): void;
  sent(): void;
}

export function createResults(client: string): Results {
  const list = h("ol", {
    className: "results",
    role: "log",
    aria: { label: `Answers to client ${client}`, live: "polite" },
  });
  return {
    element: list,

    begin(event, stop) {
      const from = performance.now();
      const status = h("span", { className: "status" }, "…");
      const body = h("pre", { hidden: true });
      const cancel = stop && button("Stop", stop, { className: "quiet" });
      const row = h("li", {}, h("div", { className: "head" }, h("b", {}, event), status, cancel), body);
      list.prepend(row);
      while (list.childElementCount > KEPT) list.lastElementChild?.remove();
      let items: unknown[] = [];
      let count = 0;

      const settle = (state: string, text: string, content?: string) => {
        cancel?.remove();
        row.dataset["state"] = state;
        status.textContent = text;
        if (content !== undefined) show(content);
      };
      const show = (content: string) => {
        body.hidden = false;
        body.textContent = content;
      };
      const passed = () => `${(performance.now() - from).toFixed(1)} ms`;
      const counted = () => (count === 1 ? "1 item" : `${count} items`);

      return {
        answered: (answer) => settle("ok", `answer, ${passed()}`, toJson(answer)),
        sent: () => settle("ok", "sent"),
        item(item) {
          count += 1;
          items = [...items, item].slice(-ITEMS_KEPT);
          status.textContent = `${counted()}, ${passed()}`;
          show(items.map((each) => toJson(each)).join("\n"));
        },
        ended: () => settle("ok", `${counted()}, ended after ${passed()}`),
        failed(error) {
          const { code, message, details } = asError(error);
          const problems = problemsOf(details);
          const content = problems.length ? problems.map(sentence) : [message, ...detailsText(details)];
          settle("bad", `${code}, ${passed()}`, content.join("\n"));
        },
      };
    },
  };
}

function detailsText(details: unknown): string[] {
  return details === undefined || details === null ? [] : [toJson(details)];
}

function asError(error: unknown): { readonly code: string; readonly message: string; readonly details?: unknown } {
  return error instanceof MicroSocketError ? error : { code: "error", message: String(error) };
}
