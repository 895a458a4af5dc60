import { isObject } from "./json.js";

/** Where in a payload something is, as pydantic says it. */
export type Loc = readonly (string | number)[];

/** What the server found wrong with a payload. */
export interface Problem {
  readonly loc: Loc;
  readonly msg: string;
}

/** The problems that the details of an `invalid_payload` error list; none for any other details. */
export function problemsOf(details: unknown): Problem[] {
  if (!Array.isArray(details)) return [];
  return details.filter(
    (each): each is Problem => isObject(each) && Array.isArray(each["loc"]) && typeof each["msg"] === "string",
  );
}

/** The problem as the field tells it to which the first part of `loc` leads. */
export function behind({ loc, msg }: Problem): Problem {
  return { loc: loc.slice(1), msg };
}

export function sentence({ loc, msg }: Problem): string {
  return loc.length ? `${loc.join(".")}: ${msg}` : msg;
}
