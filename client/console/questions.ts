import { MicroSocketError } from "../src/index.js";
import type { Ask } from "./document.js";
import { button, h } from "./dom.js";
import { createEditor } from "./editor.js";
import { toJson } from "./literal.js";
import type { Definitions } from "./schema.js";

/** The questions of the server that wait for an answer. */
export interface Questions {
  readonly element: HTMLElement;
  /** Shows a question, and resolves to the answer that is given. */
  ask(event: string, ask: Ask, payload: unknown, example: unknown): Promise<unknown>;
  /** Nobody waits for answers any more. */
  clear(): void;
}

export function createQuestions(definitions: Definitions, client: string): Questions {
  const element = h("div", { className: "questions", role: "log", aria: { label: `Questions to client ${client}` } });
  return {
    element,
    clear: () => element.replaceChildren(),

    ask(event, { description, answer }, payload, example) {
      return new Promise((resolve, reject) => {
        const editor = createEditor(answer, example, definitions, `The answer to ${event}`);
        const reply = () => {
          let value: unknown;
          try {
            value = editor.read();
          } catch {
            return;
          }
          card.remove();
          resolve(value);
        };
        const refuse = () => {
          card.remove();
          reject(new MicroSocketError(code.value.trim() || "refused"));
        };
        const code = h("input", { value: "refused", size: 12, aria: { label: "The code of the refusal" } });
        const card = h(
          "div",
          { className: "question" },
          h("div", { className: "head" }, h("b", {}, event), h("small", {}, "the server asks")),
          description ? h("p", { className: "about" }, description) : null,
          payload === undefined ? null : h("pre", {}, toJson(payload)),
          editor.element,
          h(
            "div",
            { className: "actions" },
            button("Answer", reply, { className: "main" }),
            button("Refuse", refuse),
            code,
          ),
        );
        element.append(card);
      });
    },
  };
}
