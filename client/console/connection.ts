import { fill, type Namespace, parametersOf, textOf } from "./document.js";
import { choice, h } from "./dom.js";
import { createEditor } from "./editor.js";
import { createField, type Field } from "./field.js";
import { isObject, own, parse } from "./json.js";
import { type Definitions, resolve, type Schema } from "./schema.js";

/** How a client connects. */
export interface Target {
  /** Within the application, with its query. */
  readonly path: string;
  readonly auth: unknown;
}

/** The parameters of a namespace, as a form: those of the path, and what goes with auth or in the query. */
export interface Connection {
  readonly element: HTMLElement;
  /** @throws {SyntaxError} if something that is to be JSON is none. */
  read(): Target;
}

type Place = "auth" | "query";

export function createConnection(
  path: string,
  { params }: Namespace,
  example: unknown,
  definitions: Definitions,
): Connection {
  const given = isObject(example) ? example : {};
  const schema = params && resolve(params, definitions);
  const properties = schema?.properties ?? {};
  const inPath = parametersOf(path);
  const fields = new Map<string, Field>(
    inPath.map((name) => {
      const value = own(given, name) ?? "1";
      return [name, createField(own(properties, name) ?? { type: "string" }, value, { definitions, label: name })];
    }),
  );
  const rest = without(schema, inPath);
  const others = rest && createEditor(rest, omit(given, inPath), definitions, "Parameters");
  const place = choice(
    [
      ["auth", "with auth, which no log of a server has"],
      ["query", "in the query of the URL"],
    ],
    { aria: { label: "How the parameters are sent" } },
  );
  // Without declared parameters, auth is whatever the application's own code expects.
  const free = h("input", {
    placeholder: 'none; or JSON such as {"token": "..."}',
    spellcheck: false,
    autocomplete: "off",
    aria: { label: "Auth, as JSON" },
  });

  const element = h(
    "div",
    { className: "connection" },
    ...[...fields].map(([name, { element: control }]) =>
      h("div", { className: "row" }, h("div", { className: "head" }, h("span", { className: "name" }, name)), control),
    ),
    others?.element,
    h(
      "div",
      { className: "row" },
      h("div", { className: "head" }, h("span", { className: "name" }, others ? "sent" : "auth")),
      others ? place : free,
    ),
  );

  return {
    element,
    read() {
      const values = Object.fromEntries([...fields].map(([name, field]) => [name, field.read()]));
      const filled = fill(path, values);
      if (!others) return { path: filled, auth: free.value.trim() ? jsonOr(free.value) : undefined };
      const value = others.read();
      const isEmpty = isObject(value) && Object.keys(value).length === 0;
      if ((place.value as Place) === "auth") return { path: filled, auth: isEmpty ? undefined : value };
      const query = new URLSearchParams();
      for (const [name, each] of Object.entries(isObject(value) ? value : {})) {
        for (const item of Array.isArray(each) ? each : [each]) query.append(name, textOf(item));
      }
      return { path: `${filled}${isEmpty ? "" : `?${query}`}`, auth: undefined };
    },
  };
}

/** What is no JSON is sent as text: most often it is a token. */
function jsonOr(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return text;
  }
}

function without(schema: Schema | undefined, names: readonly string[]): Schema | undefined {
  if (!schema?.properties) return schema;
  const properties = omit(schema.properties, names);
  if (Object.keys(properties).length === 0) return undefined;
  return { ...schema, properties, required: (schema.required ?? []).filter((name) => !names.includes(name)) };
}

function omit<Value>(from: Readonly<Record<string, Value>>, names: readonly string[]): Record<string, Value> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => !names.includes(name)));
}
