/** Where such events are told: windows and workers, where those of the document arrive as well. Elsewhere, nowhere. */
interface Surroundings {
  readonly document?: { readonly hidden?: boolean };
  addEventListener?(type: string, listener: (event: Event) => void, options: { readonly signal: AbortSignal }): void;
}

/** Calls when the network is back, or somebody looks at the page again. Returns what ends that. */
export function onWake(call: () => void): () => void {
  const global: Surroundings = globalThis;
  const binding = new AbortController();
  const listener = ({ type }: Event) => {
    if (type !== "visibilitychange" || !global.document?.hidden) call();
  };
  for (const type of ["online", "visibilitychange", "resume"]) global.addEventListener?.(type, listener, binding);
  return () => binding.abort();
}
