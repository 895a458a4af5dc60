const FIRST_MS = 500;
const LONGEST_MS = 20_000;
const LEAST_MS = 200;
const HEALTHY_MS = 10_000;
/** No server's word keeps a client away for longer. It also fits a timer, which fires at once beyond 2^31 - 1 ms. */
const LONGEST_HOLD_MS = 3_600_000;

/** The time that a server names, in milliseconds. What is no sensible time counts as none. */
export function sensible(ms: number): number {
  return ms > 0 ? Math.min(ms, LONGEST_HOLD_MS) : 0;
}

export type Backoff = ReturnType<typeof createBackoff>;

/** When to connect again. All times are milliseconds. */
export function createBackoff() {
  let doublings = -1;
  let openedAt: number | undefined;
  let lostAt = -LEAST_MS;
  let heldUntil = 0;

  return {
    opened(): void {
      openedAt = performance.now();
    },

    /** An attempt failed, or a connection was lost. Returns whether it was healthy: open for 10 s, which forgives failures. */
    lost(): boolean {
      lostAt = performance.now();
      const healthy = openedAt !== undefined && lostAt - openedAt >= HEALTHY_MS;
      openedAt = undefined;
      doublings = healthy ? 0 : doublings + 1;
      return healthy;
    },

    /** The server asks to be left alone for so long. */
    hold(ms: number): void {
      heldUntil = Math.max(heldUntil, performance.now() + ms);
    },

    /** How long to wait: at random up to 0.5 s, doubled with each failure in a row up to 20 s. */
    delay(): number {
      const limit = Math.min(LONGEST_MS, FIRST_MS * 2 ** doublings);
      return Math.max(LEAST_MS, Math.random() * limit, heldUntil - performance.now());
    },

    /** How long to wait when there is a reason to try at once. */
    soonest(): number {
      return Math.max(0, Math.max(lostAt + LEAST_MS, heldUntil) - performance.now());
    },
  };
}
