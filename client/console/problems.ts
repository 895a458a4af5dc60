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

export function sentence({ loc, msg }: Problem): string {
  return loc.length ? `${loc.join(".")}: ${msg}` : msg;
}
