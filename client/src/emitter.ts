type Listener<Args extends readonly unknown[]> = (...args: Args) => unknown;

interface Entry<Args extends readonly unknown[]> {
  readonly listener: Listener<Args>;
  readonly once: boolean;
}

export type Emitter<Key, Args extends readonly unknown[]> = ReturnType<typeof createEmitter<Key, Args>>;

/** Listeners by key, called in the order in which they were bound. */
export function createEmitter<Key, Args extends readonly unknown[]>() {
  // Lists are replaced, never changed, so that those who bind and unbind while they are called disturb nothing.
  const entries = new Map<Key, readonly Entry<Args>[]>();

  function keep(key: Key, wanted: (entry: Entry<Args>) => boolean): void {
    const kept = entries.get(key)?.filter(wanted) ?? [];
    if (kept.length > 0) entries.set(key, kept);
    else entries.delete(key);
  }

  return {
    /** Binds a listener; the function returned unbinds it. */
    on(key: Key, listener: Listener<Args>, once = false): () => void {
      const entry = { listener, once };
      entries.set(key, [...(entries.get(key) ?? []), entry]);
      return () => keep(key, (other) => other !== entry);
    },

    /** Unbinds a listener, or all of the key. */
    off(key: Key, listener?: Listener<Args>): void {
      keep(key, (entry) => listener !== undefined && entry.listener !== listener);
    },

    /** Calls the listeners of a key. What one of them throws is reported, and the others are called all the same. */
    emit(key: Key, ...args: Args): void {
      for (const entry of entries.get(key) ?? []) {
        if (entry.once) keep(key, (other) => other !== entry);
        try {
          entry.listener(...args);
        } catch (error) {
          report(error);
        }
      }
    },
  };
}

/** Calls a function of the application's. What it throws is reported and goes no further. */
export function attempt(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    report(error);
  }
}

/** Makes an error of the application's known in the way of the platform, as one in a listener of `addEventListener` is. */
export function report(error: unknown): void {
  if (typeof reportError === "function") reportError(error);
  else {
    setTimeout(() => {
      throw error;
    });
  }
}
