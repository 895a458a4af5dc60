const SILENCE_MS = 15_000;
const ANSWER_MS = 10_000;
const PROBE_MS = 3_000;
const LATE_MS = 1_000;

export type Liveness = ReturnType<typeof createLiveness>;

/** Notices that nobody is at the other end: after 15 s of silence it calls `ping`, and an answer is due in 10 s. */
export function createLiveness(ping: () => void, dead: () => void) {
  let heardAt = performance.now();
  let asked = false;
  let dueAt = 0;
  let slept = false;
  let timer: ReturnType<typeof setTimeout>;

  function wait(ms: number): void {
    clearTimeout(timer);
    dueAt = performance.now() + ms;
    timer = setTimeout(check, ms);
  }

  function ask(ms: number): void {
    asked = true;
    wait(ms);
    ping();
  }

  function check(): void {
    const now = performance.now();
    if (!asked) {
      const silence = now - heardAt;
      slept = false;
      if (silence < SILENCE_MS) wait(SILENCE_MS - silence);
      else ask(ANSWER_MS);
    } else if (now - dueAt > LATE_MS && !slept) {
      // A timer this late means that the page slept. The answer may have come, and wait behind this timer.
      slept = true;
      ask(PROBE_MS);
    } else dead();
  }

  wait(SILENCE_MS);
  return {
    /** Something was received. Called for each message, so it starts no timer. */
    heard(): void {
      heardAt = performance.now();
      asked = false;
    },

    /** There is a reason for doubt: asks now, unless it has asked already, and an answer is due in 3 s. */
    probe(): void {
      if (!asked) ask(PROBE_MS);
      else wait(Math.min(PROBE_MS, dueAt - performance.now()));
    },

    stop: () => clearTimeout(timer),
  };
}
