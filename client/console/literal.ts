import { isObject, own, Written } from "./json.js";

const WIDTH = 80;

interface Style {
  readonly indent: string;
  readonly words: Readonly<Record<string, string>>;
  key(name: string): string;
  /** The brackets of an object written in one line. */
  readonly padding: string;
}

const JSON_STYLE: Style = { indent: "  ", words: {}, key: (name) => JSON.stringify(name), padding: "" };

const TYPESCRIPT: Style = {
  ...JSON_STYLE,
  key(name) {
    // As anything but a computed name, it would be the prototype.
    if (name === "__proto__") return '["__proto__"]';
    return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
  },
  padding: " ",
};

const PYTHON: Style = { ...JSON_STYLE, indent: "    ", words: { true: "True", false: "False", null: "None" } };

/** JSON as a person would write it: what fits into a line stays in one. */
export const toJson = (value: unknown): string => write(value, JSON_STYLE, "");

/** The same value as an expression of TypeScript; `at` is the indentation of the line it begins in. */
export const toTypeScript = (value: unknown, at = ""): string => write(value, TYPESCRIPT, at);

/** The same value as an expression of Python. */
export const toPython = (value: unknown, at = ""): string => write(value, PYTHON, at);

function write(value: unknown, style: Style, at: string): string {
  if (Array.isArray(value))
    return enclose(
      "[",
      value.map((each) => [each] as const),
      "]",
      style,
      at,
      "",
    );
  if (isObject(value)) {
    const entries = Object.entries(value).map(([name, each]) => [each, `${style.key(name)}: `] as const);
    return enclose("{", entries, "}", style, at, style.padding);
  }
  const text = value instanceof Written ? value.text : (JSON.stringify(value) ?? "null");
  return own(style.words, text) ?? text;
}

function enclose(
  open: string,
  entries: readonly (readonly [value: unknown, before?: string])[],
  close: string,
  style: Style,
  at: string,
  padding: string,
): string {
  if (entries.length === 0) return open + close;
  const deeper = at + style.indent;
  const parts = entries.map(([value, before = ""]) => before + write(value, style, deeper));
  const line = `${open}${padding}${parts.join(", ")}${padding}${close}`;
  if (line.length + at.length <= WIDTH && !line.includes("\n")) return line;
  return `${open}\n${parts.map((part) => `${deeper}${part}`).join(",\n")}\n${at}${close}`;
}
