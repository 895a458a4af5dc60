import { textOf } from "./document.js";
import { button, choice, h, unique } from "./dom.js";
import { isObject, numberOr, own, parse, same, Written } from "./json.js";
import { toJson } from "./literal.js";
import { behind, type Problem, sentence } from "./problems.js";
import {
  type Definitions,
  describe,
  fits,
  limitsOf,
  resembles,
  resolve,
  type Schema,
  type Shape,
  shapeOf,
  titleOf,
} from "./schema.js";
import { ofMember } from "./union.js";

/**
 * A part of a form, for one value.
 *
 * Nothing is refused here: what is no number goes out as text, so that the server's answer to nonsense can be seen.
 */
export interface Field {
  readonly element: HTMLElement;
  /** The value that is entered. */
  read(): unknown;
  /** Shows problems of the value, each at the deepest field that its `loc` leads to. */
  report(problems: readonly Problem[]): void;
  /** Takes the problems away. */
  clear(): void;
}

interface Context {
  readonly definitions: Definitions;
  /** What a screen reader calls the field. */
  readonly label: string;
}

/** The fields for a schema, filled with a value. */
export function createField(schema: Schema, value: unknown, context: Context): Field {
  const shape = shapeOf(schema, context.definitions);
  if (value !== undefined && !isShown(value, shape.kind)) return createJson(value, context);
  switch (shape.kind) {
    case "object":
      return createObject(shape, value, context);
    case "list":
      return createList(shape.items, value, context);
    case "tuple":
      return createTuple(shape.items, value, context);
    case "map":
      return createMap(shape.values, value, context);
    case "union":
      return createUnion(shape, value, context);
    case "const":
      return createChoice([shape.value], value, context);
    case "enum":
      return createChoice(shape.values, value, context);
    case "boolean":
      return createChoice([true, false], value, context);
    case "null":
      return createChoice([null], value, context);
    case "any":
      return createJson(value, context);
    default:
      return createText(shape.kind === "number", schema, value, context);
  }
}

/** Whether the field of a kind can hold a value, valid or not, without making another one of it. */
function isShown(value: unknown, kind: Shape["kind"]): boolean {
  switch (kind) {
    case "object":
    case "map":
      return isObject(value);
    case "list":
    case "tuple":
      return Array.isArray(value);
    case "text":
      return typeof value === "string";
    case "number":
      return typeof value === "number" || typeof value === "string" || value instanceof Written;
    default:
      return true;
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  date: "2026-01-31",
  "date-time": "2026-01-31T12:00:00Z",
  decimal: "1",
  duration: "PT1H",
  email: "ada@example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  time: "12:00:00Z",
  uri: "https://example.com/",
  uuid: "00000000-0000-4000-8000-000000000000",
};

/** A value that is valid as far as can be told without the server, for what has just been added to a form. */
export function blank(schema: Schema, definitions: Definitions): unknown {
  const { default: usual, examples } = resolve(schema, definitions);
  if (Array.isArray(examples) && examples.length) return examples[0];
  // Null says nothing about what could be there instead.
  if (usual !== undefined && usual !== null) return usual;
  const shape = shapeOf(schema, definitions);
  switch (shape.kind) {
    case "const":
      return shape.value;
    case "enum":
      return shape.values[0];
    case "union":
      return shape.options[0] && blank(shape.options[0], definitions);
    case "object": {
      // What can have one value only tells the members of a union apart.
      const needed = Object.entries(shape.properties).filter(
        ([name, each]) => shape.required.includes(name) || shapeOf(each, definitions).kind === "const",
      );
      return Object.fromEntries(needed.map(([name, each]) => [name, blank(each, definitions)]));
    }
    case "tuple":
      return shape.items.map((each) => blank(each, definitions));
    case "list":
      return [];
    case "map":
      return {};
    case "number":
      return 0;
    case "boolean":
      return false;
    case "text":
      return own(FORMATS, resolve(schema, definitions).format ?? "") ?? "";
    default:
      return null;
  }
}

/** Problems shown below a field, and told to screen readers with it. */
function createProblems(control?: HTMLElement) {
  const element = h("ul", { className: "problems", id: unique(), hidden: true });
  control?.setAttribute("aria-describedby", element.id);
  return {
    element,
    show(found: readonly Problem[]): void {
      if (found.length === 0) return;
      element.hidden = false;
      element.append(...found.map((problem) => h("li", {}, sentence(problem))));
      control?.setAttribute("aria-invalid", "true");
    },
    clear(): void {
      element.hidden = true;
      element.replaceChildren();
      control?.removeAttribute("aria-invalid");
    },
  };
}

function createLeaf(control: HTMLElement, read: () => unknown): Field {
  const problems = createProblems(control);
  return {
    element: h("div", { className: "leaf" }, control, problems.element),
    read,
    report: problems.show,
    clear: problems.clear,
  };
}

function createText(isNumber: boolean, schema: Schema, value: unknown, { definitions, label }: Context): Field {
  const limits = limitsOf(schema, definitions);
  const input = h("input", {
    value: textOf(value),
    placeholder: describe(schema, definitions, 1) + (limits && `, ${limits}`),
    autocomplete: "off",
    spellcheck: false,
    ...(isNumber && { inputMode: "decimal" }),
    aria: { label },
  });
  return createLeaf(input, () => (isNumber ? numberOr(input.value) : input.value));
}

function createChoice(allowed: readonly unknown[], value: unknown, { label }: Context): Field {
  const isAllowed = value === undefined || allowed.some((each) => same(each, value));
  const values = isAllowed ? allowed : [...allowed, value];
  const select = choice(
    values.map((each, index) => [String(index), textOf(each)]),
    { aria: { label } },
  );
  const chosen = values.findIndex((each) => same(each, value));
  if (chosen > 0) select.selectedIndex = chosen;
  return createLeaf(select, () => values[select.selectedIndex]);
}

function createJson(value: unknown, { label }: Context): Field {
  const area = h("textarea", {
    value: value === undefined ? "null" : toJson(value),
    rows: 2,
    spellcheck: false,
    aria: { label: `${label}, as JSON` },
  });
  return createLeaf(area, () => {
    try {
      return parse(area.value);
    } catch {
      return area.value;
    }
  });
}

function createObject(shape: Extract<Shape, { kind: "object" }>, value: unknown, context: Context): Field {
  const given = isObject(value) ? value : {};
  const rows = new Map<string, { readonly element: HTMLElement; readonly field: () => Field }>();
  const problems = createProblems();

  for (const [name, schema] of Object.entries(shape.properties)) {
    const { description, deprecated } = resolve(schema, context.definitions);
    const inner = { ...context, label: name };
    const notes = createProblems();
    let field: Field | undefined;
    const place = h("div");
    const fill = (content: unknown) => {
      field = createField(schema, content, inner);
      place.replaceChildren(field.element);
    };
    const required = shape.required.includes(name);
    const title = h("span", { className: deprecated ? "name deprecated" : "name" }, name);
    const type = h("small", {}, describe(schema, context.definitions, 1));
    let head: HTMLElement;
    if (required) {
      head = h("div", { className: "head" }, title, h("b", { title: "required" }, "*"), type);
      fill(own(given, name));
    } else {
      const box = h("input", {
        type: "checkbox",
        checked: Object.hasOwn(given, name),
        onchange: () => {
          notes.clear();
          if (box.checked) fill(blank(schema, context.definitions));
          else place.replaceChildren();
          if (!box.checked) field = undefined;
        },
      });
      head = h("label", { className: "head", title: "Whether it is sent" }, box, title, type);
      if (box.checked) fill(own(given, name));
    }
    const about = description ? h("p", { className: "about" }, description) : null;
    const element = h("div", { className: "row" }, head, place, about, notes.element);
    rows.set(name, {
      element,
      field: () =>
        field ?? {
          element,
          read: () => undefined,
          report: notes.show,
          clear: notes.clear,
        },
    });
    place.addEventListener("input", () => notes.clear());
  }

  // What the form has no field for is kept as it came.
  const others = Object.entries(given).filter(([name]) => !rows.has(name));
  return {
    element: h(
      "div",
      { className: "group", role: "group", aria: { label: context.label } },
      ...[...rows.values()].map((row) => row.element),
      rows.size === 0 && h("p", { className: "about" }, "No fields."),
      problems.element,
    ),
    read() {
      const entries = [...rows].map(([name, row]) => [name, row.field().read()] as const);
      return Object.fromEntries([...entries.filter(([, each]) => each !== undefined), ...others]);
    },
    report: (found) => distribute(found, (part) => rows.get(String(part))?.field(), problems),
    clear() {
      problems.clear();
      for (const row of rows.values()) row.field().clear();
    },
  };
}

interface Entry {
  readonly element: HTMLElement;
  readonly field: Field;
  readonly key?: HTMLInputElement;
}

/** Entries one below the other, which can be added and removed. */
function createEntries(add: () => Entry, initial: readonly Entry[], { label }: Context) {
  const problems = createProblems();
  const list = h("div", { className: "entries" });
  const entries: Entry[] = [];
  const append = (entry: Entry) => {
    const remove = button(
      "×",
      () => {
        entries.splice(entries.indexOf(entry), 1);
        row.remove();
      },
      { className: "icon", title: "Remove", aria: { label: `Remove from ${label}` } },
    );
    const row = h("div", { className: "entry" }, entry.element, remove);
    entries.push(entry);
    list.append(row);
  };
  for (const entry of initial) append(entry);
  const more = button("+ add", () => append(add()), { className: "quiet", aria: { label: `Add to ${label}` } });
  return {
    entries,
    problems,
    element: h("div", { className: "group", role: "group", aria: { label } }, list, more, problems.element),
    clear() {
      problems.clear();
      for (const { field } of entries) field.clear();
    },
  };
}

function createList(items: Schema, value: unknown, context: Context): Field {
  const entry = (content: unknown): Entry => {
    const field = createField(items, content, { ...context, label: `an item of ${context.label}` });
    return { element: field.element, field };
  };
  const given = Array.isArray(value) ? value : [];
  const { entries, problems, element, clear } = createEntries(
    () => entry(blank(items, context.definitions)),
    given.map(entry),
    context,
  );
  return {
    element,
    clear,
    read: () => entries.map(({ field }) => field.read()),
    report: (found) =>
      distribute(found, (part) => (typeof part === "number" ? entries[part]?.field : undefined), problems),
  };
}

function createTuple(items: readonly Schema[], value: unknown, context: Context): Field {
  const given = Array.isArray(value) ? value : [];
  const problems = createProblems();
  const entries = items.map((each, index) => {
    const content = index in given ? given[index] : blank(each, context.definitions);
    return { field: createField(each, content, { ...context, label: `${context.label}, ${index + 1}` }) };
  });
  return {
    element: h(
      "div",
      { className: "group", role: "group", aria: { label: context.label } },
      ...entries.map(({ field }) => field.element),
      problems.element,
    ),
    read: () => [...entries.map(({ field }) => field.read()), ...given.slice(items.length)],
    report: (found) =>
      distribute(found, (part) => (typeof part === "number" ? entries[part]?.field : undefined), problems),
    clear() {
      problems.clear();
      for (const { field } of entries) field.clear();
    },
  };
}

/** Gives each problem to the field that the first part of its `loc` leads to; the others are shown here. */
function distribute(
  found: readonly Problem[],
  fieldAt: (part: string | number) => Field | undefined,
  here: { show(found: readonly Problem[]): void },
): void {
  const known = new Map<Field | undefined, Problem[]>();
  for (const problem of found) {
    const [part] = problem.loc;
    const field = part === undefined ? undefined : fieldAt(part);
    known.set(field, [...(known.get(field) ?? []), field ? behind(problem) : problem]);
  }
  for (const [field, problems] of known) (field?.report ?? here.show)(problems);
}

function createMap(values: Schema, value: unknown, context: Context): Field {
  const entry = (name: string, content: unknown): Entry => {
    const key = h("input", { value: name, placeholder: "name", aria: { label: `A name in ${context.label}` } });
    const field = createField(values, content, { ...context, label: `a value of ${context.label}` });
    return { element: h("div", { className: "pair" }, key, field.element), field, key };
  };
  const given = isObject(value) ? Object.entries(value) : [];
  const { entries, problems, element, clear } = createEntries(
    () => entry("", blank(values, context.definitions)),
    given.map(([name, content]) => entry(name, content)),
    context,
  );
  const twice = h(
    "p",
    { className: "about", role: "status", hidden: true },
    "Of entries with one name, the last is sent.",
  );
  const compare = () => {
    twice.hidden = new Set(entries.map(({ key }) => key?.value)).size === entries.length;
  };
  element.append(twice);
  for (const type of ["input", "click"]) element.addEventListener(type, compare);
  return {
    element,
    clear,
    read: () => Object.fromEntries(entries.map(({ key, field }) => [key?.value, field.read()])),
    report: (found) =>
      distribute(
        found,
        (part) => [...entries].reverse().find(({ key }) => key?.value === String(part))?.field,
        problems,
      ),
  };
}

function createUnion(union: Extract<Shape, { kind: "union" }>, value: unknown, context: Context): Field {
  const { definitions, label } = context;
  const { options } = union;
  // What is not valid should be shown, too, where it belongs.
  const whole = options.findIndex((option) => fits(value, option, definitions));
  const fitting = whole < 0 ? options.findIndex((option) => resembles(value, option, definitions)) : whole;
  const titles = options.map((option) => titleOf(option, definitions));
  const isForeign = fitting < 0 && value !== undefined;
  const select = choice(
    (isForeign ? [...titles, "anything else"] : titles).map((title, index) => [String(index), title]),
    { className: "variant", aria: { label: `Type of ${label}` } },
  );
  select.selectedIndex = isForeign ? options.length : Math.max(fitting, 0);
  const problems = createProblems(select);
  const place = h("div");
  const create = (content: unknown): Field => {
    const option = options[select.selectedIndex] ?? {};
    const made = createField(option, content, context);
    // There is nothing to choose or to say about null and the like.
    const isPlain = ["null", "const"].includes(shapeOf(option, definitions).kind);
    place.replaceChildren(made.element);
    made.element.classList.toggle("plain", isPlain);
    return made;
  };
  let field = create(value);
  select.onchange = () => {
    field = create(blank(options[select.selectedIndex] ?? {}, definitions));
  };
  return {
    element: h("div", { className: "union" }, select, place, problems.element),
    read: () => field.read(),
    report(found) {
      const told = ofMember(found, union, select.selectedIndex, definitions);
      if (told) field.report(told);
      else problems.show(found);
    },
    clear() {
      problems.clear();
      field.clear();
    },
  };
}
