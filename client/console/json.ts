/**
 * JSON whose numbers stay as they are written.
 *
 * JavaScript keeps 17 digits of a number, and knows no difference between `1.0` and `1`. A number that it would write
 * otherwise is a `Written` here.
 */
export class Written {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  /** For `JSON.stringify`. Browsers that write no raw JSON send text, of which pydantic makes the same number. */
  toJSON(): unknown {
    return (JSON as { readonly rawJSON?: (text: string) => unknown }).rawJSON?.(this.text) ?? this.text;
  }
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i;
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
/** Stands for the text of a number where only JSON can pass. Not to be guessed, so nothing else is called so. */
const MARK = `number ${Math.random()}`;

/** The number that a text is in JSON, and the text itself if it is none. */
export function numberOr(text: string): number | Written | string {
  const trimmed = text.trim();
  if (!NUMBER.test(trimmed)) return text;
  const number = Number(trimmed);
  return String(number) === trimmed ? number : new Written(trimmed);
}

/** @throws {SyntaxError} if it is no JSON. */
export function parse(text: string): unknown {
  // What is wrong is told about what was written, not about what is made of it.
  const parsed: unknown = JSON.parse(text);
  const marked = mark(text);
  return marked === text ? parsed : restore(JSON.parse(marked));
}

/** The same JSON with objects for the numbers that would not stay as they are. */
export function mark(text: string): string {
  return text.replace(STRING_OR_NUMBER, (found) =>
    found.startsWith('"') || String(Number(found)) === found ? found : `{"${MARK}":"${found}"}`,
  );
}

/** Undoes `mark` in what was parsed of it. */
export function restore(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(restore);
  if (!isObject(value)) return value;
  const number = own(value, MARK);
  if (typeof number === "string") return new Written(number);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, restore(each)]));
}

/** The numbers within a value that JavaScript would round. */
export function rounded(value: unknown): Written[] {
  if (value instanceof Written) return value.text.replace(/^[-0.]+|e.*$|0+$|\D/gi, "").length > 15 ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(rounded) : [];
}

/** Whether two values are written in the same way. */
export function same(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Written);
}

/** What an object has by this name, whatever JavaScript's own objects have by it. */
export function own<Value>(from: Readonly<Record<string, Value>> | undefined, name: string): Value | undefined {
  return from && Object.hasOwn(from, name) ? from[name] : undefined;
}
