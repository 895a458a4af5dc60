import { createCatalogue } from "./catalogue.js";
import type { Published } from "./document.js";
import { button, h } from "./dom.js";
import { parse } from "./json.js";
import { createLog } from "./log.js";
import { createPanel } from "./panel.js";

const CLIENTS = ["A", "B"] as const;

async function load(): Promise<void> {
  const { assets = "", root = "./" } = document.documentElement.dataset;
  const place = document.querySelector("main");
  if (!place) return;
  try {
    const response = await fetch(`${assets}contract.json`);
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    show(parse(await response.text()) as Published, place, new URL(root, location.href));
  } catch (error) {
    place.replaceChildren(h("p", { className: "note", role: "alert" }, `The events cannot be read: ${String(error)}`));
  }
}

function show(published: Published, place: HTMLElement, root: URL): void {
  const { title, version } = published.contract;
  document.title = title || document.title;
  document.querySelector("header h1")?.replaceChildren(title || "Console", h("small", {}, version && ` ${version}`));

  const log = createLog(CLIENTS);
  const code = createCode();
  const surroundings = { published, root, tell: log.add, copied: code.show };
  const panels = new Map(CLIENTS.map((name) => [name as string, createPanel(name, surroundings)]));
  const catalogue = createCatalogue(published, {
    clients: CLIENTS,
    use: (client, path, event) => panels.get(client)?.choose(path, event),
  });
  place.replaceChildren(
    catalogue.list,
    h("div", { className: "work" }, catalogue.reference, ...[...panels.values()].map(({ element }) => element)),
    log.element,
    code.element,
  );
}

/** Shows code, which is in the clipboard where the browser allows that. */
function createCode(): { readonly element: HTMLElement; show(code: string): void } {
  const text = h("pre", { tabIndex: 0 });
  const status = h("small", { role: "status" });
  const copy = async () => {
    try {
      // Without https there is no clipboard, and then the text is there to be selected.
      await navigator.clipboard.writeText(text.textContent ?? "");
      status.textContent = "copied";
    } catch {
      status.textContent = "select it and copy it";
      getSelection()?.selectAllChildren(text);
    }
  };
  const element = h(
    "dialog",
    { className: "code", aria: { label: "Code" } },
    text,
    h(
      "div",
      { className: "actions" },
      button("Copy", () => void copy(), { className: "main" }),
      button("Close", () => element.close()),
      status,
    ),
  );
  return {
    element,
    show(code) {
      text.textContent = code;
      element.showModal();
      void copy();
    },
  };
}

void load();
