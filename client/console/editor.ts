import { button, h } from "./dom.js";
import { createField, type Field } from "./field.js";
import { parse, same } from "./json.js";
import { toJson } from "./literal.js";
import { type Problem, sentence } from "./problems.js";
import type { Definitions, Schema } from "./schema.js";

/** Edits one value, as a form or as JSON. */
export interface Editor {
  readonly element: HTMLElement;
  /** @throws {SyntaxError} if what is written is no JSON. */
  read(): unknown;
  /** Shows problems of a value where they are, at the field or as a list below the JSON, unless it was changed since. */
  report(problems: readonly Problem[], value: unknown): void;
  clear(): void;
}

/** An editor for a schema, filled with a value, beginning as a form. */
export function createEditor(schema: Schema, value: unknown, definitions: Definitions, label: string): Editor {
  const context = { definitions, label };
  let field: Field = createField(schema, value, context);
  const form = h("div", { className: "form" }, field.element);
  const area = h("textarea", {
    className: "json",
    spellcheck: false,
    rows: 6,
    aria: { label: `${label}, as JSON` },
    oninput: () => clear(),
  });
  const problems = h("ul", { className: "problems", hidden: true, role: "alert" });
  const text = h("div", { hidden: true }, area);
  const asForm = button("Form", () => show("form"), { aria: { pressed: "true" } });
  const asText = button("JSON", () => show("json"), { aria: { pressed: "false" } });
  form.addEventListener("input", () => clear());

  function show(mode: "form" | "json"): void {
    const isForm = mode === "form";
    if (isForm === text.hidden) return;
    clear();
    if (isForm) {
      try {
        field = createField(schema, parse(area.value), context);
      } catch (error) {
        tell(`This is no JSON: ${(error as Error).message}`);
        return;
      }
      form.replaceChildren(field.element);
    } else {
      area.value = toJson(field.read());
      area.rows = Math.min(Math.max(area.value.split("\n").length + 1, 4), 20);
    }
    text.hidden = isForm;
    form.hidden = !isForm;
    asForm.setAttribute("aria-pressed", String(isForm));
    asText.setAttribute("aria-pressed", String(!isForm));
    if (!isForm) area.focus();
  }

  function isStill(value: unknown): boolean {
    try {
      return same(text.hidden ? field.read() : parse(area.value), value);
    } catch {
      return false;
    }
  }

  function tell(message: string): void {
    problems.hidden = false;
    problems.append(h("li", {}, message));
  }

  function clear(): void {
    problems.hidden = true;
    problems.replaceChildren();
    field.clear();
  }

  return {
    element: h(
      "div",
      { className: "editor" },
      h("div", { className: "tabs", role: "group", aria: { label: "How to edit" } }, asForm, asText),
      form,
      text,
      problems,
    ),
    clear,

    read() {
      if (text.hidden) return field.read();
      try {
        return parse(area.value);
      } catch (error) {
        clear();
        tell(`This is no JSON: ${(error as Error).message}`);
        throw error;
      }
    },

    report(found, value) {
      if (!isStill(value)) return;
      clear();
      if (text.hidden) field.report(found);
      else for (const problem of found) tell(sentence(problem));
      const first = form.querySelector<HTMLElement>('[aria-invalid="true"]');
      if (text.hidden) first?.focus();
    },
  };
}
