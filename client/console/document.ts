import { Written } from "./json.js";
import type { Schema } from "./schema.js";

/** What the application publishes for the console. */
export interface Published {
  readonly contract: Contract;
  /** The names that the generated TypeScript has for the namespaces, by path. */
  readonly types: Readonly<Record<string, string>>;
  /** Valid examples of payloads, by path. */
  readonly examples: Readonly<Record<string, Examples | undefined>>;
}

export interface Contract {
  readonly title: string;
  readonly version: string;
  readonly namespaces: Readonly<Record<string, Namespace>>;
  readonly schemas: Readonly<Record<string, Schema>>;
}

export interface Namespace {
  readonly name: string;
  readonly description?: string;
  /** What connecting takes: path parameters, query and auth together. */
  readonly params?: Schema;
  readonly in: Readonly<Record<string, Incoming>>;
  readonly out: Readonly<Record<string, Outgoing>>;
  readonly asks: Readonly<Record<string, Ask>>;
}

export interface Incoming {
  readonly description?: string;
  readonly payload?: Schema;
  readonly optional?: boolean;
  readonly answer?: Schema;
  readonly item?: Schema;
  readonly errors?: Readonly<Record<string, Failure>>;
}

export interface Failure {
  readonly description?: string;
  readonly details?: Schema;
}

export interface Outgoing {
  readonly description?: string;
  readonly payload?: Schema;
}

export interface Ask extends Outgoing {
  readonly answer: Schema;
}

/** Examples by event. Where none is known, there is none. */
export interface Examples {
  readonly params?: unknown;
  readonly in: Readonly<Record<string, unknown>>;
  readonly out: Readonly<Record<string, unknown>>;
  readonly asks: Readonly<Record<string, unknown>>;
  readonly answers: Readonly<Record<string, unknown>>;
}

/** The names of a path's parameters, in order: `/chat/{room}` has `room`. */
export function parametersOf(path: string): string[] {
  return [...path.matchAll(/\{([^{}]+)\}/g)].map((match) => match[1] ?? "");
}

/** A path with its parameters filled in. */
export function fill(path: string, values: Readonly<Record<string, unknown>>): string {
  return path.replace(/\{([^{}]+)\}/g, (_, name: string) => encodeURIComponent(textOf(values[name])));
}

/** A value in one line, as it stands in a URL or in a field for text. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Written) return value.text;
  return value === undefined ? "" : JSON.stringify(value);
}
