import type { Examples, Incoming, Namespace } from "./document.js";
import { button, choice, h } from "./dom.js";
import { createEditor, type Editor } from "./editor.js";
import { blank } from "./field.js";
import { own } from "./json.js";
import type { Problem } from "./problems.js";
import { type Definitions, describe } from "./schema.js";
import type { CallSample, Language } from "./snippets.js";
import { LANGUAGES } from "./snippets.js";

/** A call as it is written. */
export interface Call {
  readonly event: string;
  readonly kind: CallSample["kind"];
  /** `undefined` is none. */
  readonly payload: unknown;
  /** Shows what is wrong with the payload, if it is still what is written. */
  report(problems: readonly Problem[]): void;
}

/** Writes calls: chooses an event, edits its payload, sends it. */
export interface Composer {
  readonly element: HTMLElement;
  choose(event: string): void;
  /** Whether calls can go out. */
  enable(isOpen: boolean): void;
}

interface Owner {
  call(call: Call): void;
  copy(language: Language, call: Call): void;
}

export function createComposer(
  { in: events }: Namespace,
  examples: Examples | undefined,
  definitions: Definitions,
  owner: Owner,
): Composer {
  const names = Object.keys(events);
  let editor: Editor | undefined;
  let isWithout: HTMLInputElement | undefined;
  let isOpen = false;

  const select = choice(
    names.map((name) => [name, name]),
    { aria: { label: "Event" }, onchange: () => show() },
  );
  const about = h("p", { className: "about" });
  const types = h("p", { className: "types" });
  const place = h("div");
  const actions = h("div", { className: "actions" });
  const element = h(
    "form",
    {
      className: "composer",
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        main();
      },
      onkeydown: (event: KeyboardEvent) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          main();
        }
      },
    },
    h("div", { className: "line" }, select),
    about,
    types,
    place,
    actions,
  );

  const current = (): Incoming => own(events, select.value) ?? {};

  function main(): void {
    if (isOpen && names.length) run(current().item ? "stream" : "request");
  }

  function read(kind: CallSample["kind"]): Call | undefined {
    const event = select.value;
    const written = editor;
    if (!written || isWithout?.checked) return { event, kind, payload: undefined, report() {} };
    try {
      const payload = written.read();
      const report = (problems: readonly Problem[]) => {
        if (editor === written) written.report(problems, payload);
      };
      return { event, kind, payload, report };
    } catch {
      // The editor says what is wrong.
      return undefined;
    }
  }

  function run(kind: CallSample["kind"]): void {
    editor?.clear();
    const call = read(kind);
    if (call) owner.call(call);
  }

  function show(): void {
    const { description, payload, optional, answer, item, errors } = current();
    const name = select.value;
    about.textContent = description ?? "";
    about.hidden = !description;
    types.replaceChildren(
      h(
        "code",
        {},
        item ? `stream of ${describe(item, definitions, 1)}` : `→ ${describe(answer ?? {}, definitions, 1)}`,
      ),
      ...Object.keys(errors ?? {}).map((code) => h("code", { className: "bad" }, code)),
    );
    place.replaceChildren();
    editor = undefined;
    isWithout = undefined;
    if (payload) {
      const example = own(examples?.in, name);
      editor = createEditor(
        payload,
        example === undefined ? blank(payload, definitions) : example,
        definitions,
        "Payload",
      );
      if (optional) {
        const { element: shown } = editor;
        isWithout = h("input", {
          type: "checkbox",
          onchange: ({ target }) => {
            shown.hidden = (target as HTMLInputElement).checked;
          },
        });
        place.append(h("label", { className: "toggle" }, isWithout, "without a payload"));
      }
      place.append(editor.element);
    } else {
      place.append(h("p", { className: "about" }, "No payload."));
    }
    const copy = choice([["", "Copy as…"], ...Object.entries(LANGUAGES)], {
      aria: { label: "Copy as" },
      onchange: () => {
        const call = read(item ? "stream" : "request");
        if (call) owner.copy(copy.value as Language, call);
        copy.value = "";
      },
    });
    actions.replaceChildren(
      h("button", { type: "submit", className: "main", title: "Ctrl+Enter" }, item ? "Stream" : "Request"),
      button("Send", () => run("send"), { title: "Asks for no answer" }),
      copy,
    );
    enable(isOpen);
  }

  function enable(open: boolean): void {
    isOpen = open;
    for (const each of actions.querySelectorAll("button")) each.disabled = !open;
  }

  if (names.length) show();
  else element.replaceChildren(h("p", { className: "about" }, "Clients send nothing here."));
  return {
    element,
    enable,

    choose(event) {
      if (!Object.hasOwn(events, event)) return;
      select.value = event;
      show();
    },
  };
}
