import type { Target } from "./connection.js";

/** What came back. */
export type Outcome = { readonly answer: unknown } | { readonly error: string };

/** The last outcomes of requests, each of one payload sent to one event over a connection made in one way. */
export interface Outcomes {
  answered(request: Request, answer: unknown): void;
  failed(request: Request, code: string): void;
  /** What became of the same request, if that is known. */
  of(request: Request): Outcome | undefined;
}

export interface Request {
  readonly target: Target;
  readonly event: string;
  readonly payload: unknown;
}

const KEPT = 50;
/** These say something of the moment, not of the request, and the page itself makes most of them. */
const MOMENTARY: ReadonlySet<string> = new Set([
  "cancelled",
  "disconnected",
  "overloaded",
  "rate_limited",
  "timeout",
  "too_large",
  "unavailable",
]);

export function createOutcomes(): Outcomes {
  const known = new Map<string, Outcome>();

  function keep(request: Request, outcome: Outcome): void {
    const key = keyOf(request);
    known.delete(key);
    known.set(key, outcome);
    const [oldest] = known.size > KEPT ? known.keys() : [];
    if (oldest !== undefined) known.delete(oldest);
  }

  return {
    answered: (request, answer) => keep(request, { answer }),
    failed: (request, code) => {
      if (!MOMENTARY.has(code)) keep(request, { error: code });
    },
    of: (request) => known.get(keyOf(request)),
  };
}

function keyOf({ target: { path, auth }, event, payload }: Request): string {
  return JSON.stringify({ path, auth, event, payload });
}
