// What app:app and its clients say to each other. Do not edit it; write it anew with:
// microsockets client app:app --lang typescript -o FILE

/** At `/same/{id}`. */
export interface SameContract {
  in: {
    nothing: { payload: Nothing; answer: string_ };
    fail: { payload: Awkward; answer: null; error: { code: "odd_one"; details: number | null } };
  };
  out: {
    changed: Same;
    "awkward one": AwkwardOutput;
  };
  asks: {};
}

/** Ends a comment *\/ and begins one /*. */
export interface Awkward {
  for: number;
  /** @deprecated */
  "with space": string;
  /**
   * Of
   * two lines.
   */
  "\"": string;
  many?: (number | string)[] | null;
  /** @default {} */
  pairs?: { [key: string]: [number, string] };
  [key: string]: unknown;
}

/** Ends a comment *\/ and begins one /*. */
export interface AwkwardOutput {
  for: number;
  /** @deprecated */
  "with space": string;
  /**
   * Of
   * two lines.
   */
  "\"": string;
  many: (number | string)[] | null;
  pairs: { [key: string]: [number, string] };
  [key: string]: unknown;
}

export interface Nothing {
  [key: string]: never;
}

export interface Same {
  one: number;
}

export interface string_ {
  boolean: boolean;
}
