import { isObject, own, same, Written } from "./json.js";

/** As much of JSON Schema 2020-12 as pydantic writes. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema | boolean;
  readonly prefixItems?: readonly Schema[];
  readonly format?: string;
  readonly deprecated?: boolean;
  readonly [keyword: string]: unknown;
}

/** What a schema comes down to, as far as a form and a line of text are concerned. */
export type Shape =
  | { readonly kind: "const"; readonly value: unknown }
  | { readonly kind: "enum"; readonly values: readonly unknown[] }
  | { readonly kind: "union"; readonly options: readonly Schema[]; readonly isTagged: boolean }
  | {
      readonly kind: "object";
      readonly properties: Readonly<Record<string, Schema>>;
      readonly required: readonly string[];
    }
  | { readonly kind: "map"; readonly values: Schema }
  | { readonly kind: "list"; readonly items: Schema }
  | { readonly kind: "tuple"; readonly items: readonly Schema[] }
  | { readonly kind: "text" | "number" | "boolean" | "null" | "any" };

/** The definitions that a contract's schemas refer to. */
export type Definitions = Readonly<Record<string, Schema>>;

const LIMITS: Readonly<Record<string, string>> = {
  minimum: "≥",
  exclusiveMinimum: ">",
  maximum: "≤",
  exclusiveMaximum: "<",
  multipleOf: "a multiple of",
  pattern: "matching",
};
const COUNTS = [
  ["minLength", "maxLength", "characters"],
  ["minItems", "maxItems", "items"],
  ["minProperties", "maxProperties", "entries"],
] as const;
const DEEPEST = 4;

/** The schema that a reference leads to; what stands beside the reference goes first. */
export function resolve(schema: Schema, definitions: Definitions): Schema {
  let found = schema;
  for (let steps = 0; found.$ref !== undefined && steps < 100; steps++) {
    const { $ref, ...beside } = found;
    found = { ...own(definitions, nameOf($ref ?? "")), ...beside };
  }
  return found.allOf?.length === 1 ? resolve({ ...found.allOf[0], ...found, allOf: [] }, definitions) : found;
}

export function shapeOf(unresolved: Schema, definitions: Definitions): Shape {
  const schema = resolve(unresolved, definitions);
  if ("const" in schema) return { kind: "const", value: schema.const };
  if (schema.enum) return { kind: "enum", values: schema.enum };
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return { kind: "union", options, isTagged: !schema.anyOf };
  if (Array.isArray(schema.type)) {
    return { kind: "union", options: schema.type.map((type: string) => ({ ...schema, type })), isTagged: false };
  }
  switch (schema.type) {
    case "object":
      return objectShape(schema);
    case "array":
      if (schema.prefixItems) return { kind: "tuple", items: schema.prefixItems };
      return { kind: "list", items: schemaOf(schema.items) };
    case "string":
      return { kind: "text" };
    case "integer":
    case "number":
      return { kind: "number" };
    case "boolean":
    case "null":
      return { kind: schema.type };
    default:
      return { kind: "any" };
  }
}

function objectShape(schema: Schema): Shape {
  if (schema.properties) {
    return { kind: "object", properties: schema.properties, required: schema.required ?? [] };
  }
  const [pattern] = Object.values(schema.patternProperties ?? {});
  return { kind: "map", values: pattern ?? schemaOf(schema.additionalProperties) };
}

function schemaOf(schema: Schema | boolean | undefined): Schema {
  return typeof schema === "object" ? schema : {};
}

/** Whether a value is made as a schema says, which tells the members of a union apart. Limits do not count. */
export function fits(value: unknown, schema: Schema, definitions: Definitions): boolean {
  const shape = shapeOf(schema, definitions);
  switch (shape.kind) {
    case "union":
      return shape.options.some((option) => fits(value, option, definitions));
    case "object":
      return (
        isObject(value) &&
        shape.required.every((name) => Object.hasOwn(value, name)) &&
        Object.entries(shape.properties).every(
          ([name, each]) => !Object.hasOwn(value, name) || fits(value[name], each, definitions),
        )
      );
    case "map":
      return isObject(value) && Object.values(value).every((each) => fits(each, shape.values, definitions));
    case "list":
      return Array.isArray(value) && value.every((each) => fits(each, shape.items, definitions));
    case "tuple":
      return Array.isArray(value) && shape.items.every((each, index) => fits(value[index], each, definitions));
    default:
      return resembles(value, schema, definitions);
  }
}

/** Whether a value is of the right kind, with the tag that a schema wants and a field of it, however wrong it is within. */
export function resembles(value: unknown, schema: Schema, definitions: Definitions): boolean {
  const shape = shapeOf(schema, definitions);
  switch (shape.kind) {
    case "const":
      return same(value, shape.value);
    case "enum":
      return shape.values.some((each) => same(value, each));
    case "union":
      return shape.options.some((option) => resembles(value, option, definitions));
    case "object":
      return (
        isObject(value) &&
        (Object.keys(value).length === 0 || Object.keys(value).some((name) => Object.hasOwn(shape.properties, name))) &&
        Object.entries(shape.properties).every(([name, each]) => {
          const isTag = "const" in resolve(each, definitions);
          return !isTag || !Object.hasOwn(value, name) || resembles(value[name], each, definitions);
        })
      );
    case "map":
      return isObject(value);
    case "list":
    case "tuple":
      return Array.isArray(value);
    case "text":
      return typeof value === "string";
    case "number":
      return typeof value === "number" || value instanceof Written;
    case "boolean":
      return typeof value === "boolean";
    case "null":
      return value === null;
    case "any":
      return true;
  }
}

/** A type in one line, much as TypeScript would say it. */
export function describe(schema: Schema, definitions: Definitions, depth = 0): string {
  if (schema.$ref !== undefined && depth > 0) return nameOf(schema.$ref);
  const shape = shapeOf(schema, definitions);
  const inner = (each: Schema) => describe(each, definitions, depth + 1);
  if (depth > DEEPEST) return "…";
  switch (shape.kind) {
    case "const":
      return JSON.stringify(shape.value);
    case "enum":
      return shape.values.map((value) => JSON.stringify(value)).join(" | ");
    case "union":
      return shape.options.map(inner).join(" | ");
    case "object": {
      const properties = Object.entries(shape.properties).map(
        ([name, each]) => `${name}${shape.required.includes(name) ? "" : "?"}: ${inner(each)}`,
      );
      return properties.length ? `{ ${properties.join(", ")} }` : "{}";
    }
    case "map":
      return `{ [name]: ${inner(shape.values)} }`;
    case "list": {
      const items = inner(shape.items);
      const isTorn = !shape.items.$ref && ["union", "enum"].includes(shapeOf(shape.items, definitions).kind);
      return isTorn ? `(${items})[]` : `${items}[]`;
    }
    case "tuple":
      return `[${shape.items.map(inner).join(", ")}]`;
    case "text": {
      const { format } = resolve(schema, definitions);
      return format ?? "string";
    }
    case "number":
      return resolve(schema, definitions).type as string;
    default:
      return shape.kind;
  }
}

/** The name of a union's member, for choosing it. */
export function titleOf(schema: Schema, definitions: Definitions): string {
  return schema.$ref === undefined ? describe(schema, definitions, 1) : nameOf(schema.$ref);
}

/** What a value must keep to besides its type, in words. */
export function limitsOf(unresolved: Schema, definitions: Definitions): string {
  const schema = resolve(unresolved, definitions);
  const limits = Object.entries(LIMITS)
    .filter(([keyword]) => schema[keyword] !== undefined)
    .map(([keyword, words]) => `${words} ${String(schema[keyword])}`);
  const counts = COUNTS.map(([least, most, what]) => counted(schema[least], schema[most], what));
  return [...limits, ...counts].filter(Boolean).join(", ");
}

function counted(least: unknown, most: unknown, what: string): string {
  if (most === undefined) return least === undefined ? "" : `at least ${String(least)} ${what}`;
  if (least === most) return `${String(most)} ${what}`;
  return least === undefined ? `at most ${String(most)} ${what}` : `${String(least)} to ${String(most)} ${what}`;
}

export function nameOf(reference: string): string {
  return decodeURIComponent(reference.slice(reference.lastIndexOf("/") + 1));
}
