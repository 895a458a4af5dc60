import type { Failure, Namespace, Published } from "./document.js";
import { button, h } from "./dom.js";
import { own } from "./json.js";
import { toJson } from "./literal.js";
import { type Definitions, describe, limitsOf, resolve, type Schema, shapeOf } from "./schema.js";

/** The namespaces and their events to look through, and what is documented of the one that is chosen. */
export interface Catalogue {
  readonly list: HTMLElement;
  readonly reference: HTMLElement;
}

type Direction = "in" | "out" | "asks";

interface Place {
  readonly path: string;
  readonly direction: Direction;
  readonly event: string;
}

const DIRECTIONS: Readonly<Record<Direction, { readonly mark: string; readonly words: string }>> = {
  in: { mark: "↑", words: "client to server" },
  out: { mark: "↓", words: "server to client" },
  asks: { mark: "?", words: "the server asks the client" },
};

interface Owner {
  readonly clients: readonly string[];
  use(client: string, path: string, event: string): void;
}

export function createCatalogue({ contract, examples }: Published, { clients, use }: Owner): Catalogue {
  const { namespaces, schemas } = contract;
  const reference = h("section", {
    className: "reference",
    aria: { label: "Reference", live: "polite" },
    hidden: true,
  });
  const items: { readonly text: string; readonly element: HTMLElement; readonly group: HTMLElement }[] = [];
  let chosen: HTMLElement | undefined;

  const groups = Object.entries(namespaces).map(([path, namespace]) => {
    const group = h("li", {}, h("h3", { title: namespace.description ?? "" }, h("code", {}, path)));
    const events = h("ul", {});
    for (const direction of Object.keys(DIRECTIONS) as Direction[]) {
      for (const event of Object.keys(namespace[direction])) {
        const place = { path, direction, event };
        const entry = h(
          "a",
          { href: hashOf(place), title: DIRECTIONS[direction].words },
          h("span", { className: "arrow", aria: { label: DIRECTIONS[direction].words } }, DIRECTIONS[direction].mark),
          event,
        );
        const element = h("li", {}, entry);
        events.append(element);
        items.push({ text: `${path} ${event} ${namespace.name}`.toLowerCase(), element, group });
      }
    }
    group.append(events);
    return group;
  });

  const none = h("p", { className: "about", hidden: items.length > 0 }, "Nothing is declared here.");
  const search = h("input", {
    type: "search",
    placeholder: "Find an event",
    aria: { label: "Find an event" },
    oninput: () => {
      const wanted = search.value.trim().toLowerCase();
      const shown = new Set<HTMLElement>();
      for (const { text, element, group } of items) {
        element.hidden = !text.includes(wanted);
        if (!element.hidden) shown.add(group);
      }
      for (const group of groups) group.hidden = !shown.has(group);
      none.textContent = "No event is called so.";
      none.hidden = shown.size > 0;
    },
  });

  function show(): void {
    const place = placeOf(location.hash);
    const namespace = place && own(namespaces, place.path);
    const found = place && own<object>(namespace?.[place.direction], place.event);
    chosen?.removeAttribute("aria-current");
    reference.hidden = !found;
    if (!place || !namespace || !found) return;
    chosen = groups.flatMap((group) => [...group.querySelectorAll("a")]).find(({ hash }) => hash === hashOf(place));
    chosen?.setAttribute("aria-current", "true");
    reference.replaceChildren(...describeEvent(place, namespace));
    reference.scrollIntoView({ block: "nearest" });
  }

  function describeEvent({ path, direction, event }: Place, namespace: Namespace): (Node | string)[] {
    const found: {
      readonly description?: string;
      readonly payload?: Schema;
      readonly answer?: Schema;
      readonly item?: Schema;
      readonly errors?: Readonly<Record<string, Failure>>;
    } = own<object>(namespace[direction], event) ?? {};
    const example = own(own(examples, path)?.[direction], event);
    const close = button(
      "×",
      () => {
        history.replaceState(null, "", location.pathname + location.search);
        show();
      },
      { className: "icon", title: "Close", aria: { label: "Close the reference" } },
    );
    const parts: (Node | null | undefined | false)[] = [
      h(
        "div",
        { className: "title" },
        h("h2", {}, h("code", {}, event)),
        h("small", {}, `${DIRECTIONS[direction].words}, ${namespace.name}`),
        close,
      ),
      Boolean(found.description) && h("p", { className: "about" }, found.description),
      typed("payload", found.payload, schemas),
      typed("answer", found.answer, schemas),
      typed("each item", found.item, schemas),
      ...Object.entries(found.errors ?? {}).map(([code, { description, details }]) =>
        h(
          "p",
          {},
          "error ",
          h("code", { className: "bad" }, code),
          description ? ` ${description}` : null,
          details ? h("code", {}, ` ${describe(details, schemas, 1)}`) : null,
        ),
      ),
      example !== undefined && h("div", {}, "example", h("pre", {}, toJson(example))),
      direction === "in" &&
        h(
          "div",
          { className: "actions" },
          ...clients.map((client) => button(`Use in client ${client}`, () => use(client, path, event))),
        ),
    ];
    return parts.filter((part): part is Node => Boolean(part));
  }

  addEventListener("hashchange", show);
  show();
  return {
    reference,
    list: h(
      "nav",
      { className: "catalogue", id: "events", aria: { label: "Events" } },
      search,
      h("ul", {}, ...groups),
      none,
    ),
  };
}

/** A type with the fields of its first level. */
function typed(label: string, schema: Schema | undefined, definitions: Definitions): HTMLElement | null {
  if (!schema) return null;
  const head = h("div", {}, `${label} `, h("code", {}, describe(schema, definitions, 1)));
  const shape = shapeOf(schema, definitions);
  if (shape.kind !== "object" || Object.keys(shape.properties).length === 0) return head;
  const rows = Object.entries(shape.properties).map(([name, each]) => {
    const { description } = resolve(each, definitions);
    const limits = limitsOf(each, definitions);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", {}, name), !shape.required.includes(name) && h("small", {}, " optional")),
      h("td", {}, h("code", {}, describe(each, definitions, 1)), limits && h("small", {}, ` ${limits}`)),
      h("td", {}, description),
    );
  });
  return h("div", { className: "typed" }, head, h("table", {}, h("tbody", {}, ...rows)));
}

function hashOf({ path, direction, event }: Place): string {
  return `#/${[path, direction, event].map(encodeURIComponent).join("/")}`;
}

function placeOf(hash: string): Place | undefined {
  try {
    const [path, direction, event] = hash.slice(2).split("/").map(decodeURIComponent);
    if (path === undefined || event === undefined || !(direction && Object.hasOwn(DIRECTIONS, direction)))
      return undefined;
    return { path, direction: direction as Direction, event };
  } catch {
    return undefined;
  }
}
