import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Backoff, createBackoff, sensible } from "../../src/backoff.js";

let random = 1;

beforeEach(() => {
  vi.useFakeTimers();
  random = 1;
  vi.spyOn(Math, "random").mockImplementation(() => random);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** The delays after so many failures in a row. */
function delays(backoff: Backoff, failures: number): number[] {
  return Array.from({ length: failures }, () => {
    backoff.lost();
    return backoff.delay();
  });
}

test("the limit doubles with each failure in a row, from 0.5 s up to 20 s", () => {
  const limits = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000];
  expect(delays(createBackoff(), 8)).toEqual(limits);
});

test("the limit stays 20 s however often it fails", () => {
  expect(delays(createBackoff(), 2_000).at(-1)).toBe(20_000);
});

test("the delay is a random share of the limit", () => {
  random = 0.25;
  expect(delays(createBackoff(), 4)).toEqual([200, 250, 500, 1_000]);
});

test("it never connects again within 200 ms", () => {
  random = 0;
  expect(delays(createBackoff(), 3)).toEqual([200, 200, 200]);
});

test("a connection that was open for 10 s forgives the failures before it", () => {
  const backoff = createBackoff();
  delays(backoff, 5);
  backoff.opened();
  vi.advanceTimersByTime(10_000);
  expect(backoff.lost()).toBe(true);
  expect(backoff.delay()).toBe(500);
});

test("a connection that was open for less is one more failure", () => {
  const backoff = createBackoff();
  delays(backoff, 2);
  backoff.opened();
  vi.advanceTimersByTime(9_999);
  expect(backoff.lost()).toBe(false);
  expect(backoff.delay()).toBe(2_000);
});

test("a connection forgives only once: a failed attempt after it is not healthy", () => {
  const backoff = createBackoff();
  backoff.opened();
  vi.advanceTimersByTime(10_000);
  expect([backoff.lost(), backoff.lost()]).toEqual([true, false]);
  expect(backoff.delay()).toBe(1_000);
});

test("who is asked to stay away stays away for what is left of that time", () => {
  const backoff = createBackoff();
  backoff.lost();
  backoff.hold(60_000);
  expect([backoff.delay(), backoff.soonest()]).toEqual([60_000, 60_000]);
  vi.advanceTimersByTime(59_700);
  expect([backoff.delay(), backoff.soonest()]).toEqual([500, 300]);
  vi.advanceTimersByTime(1_000);
  expect([backoff.delay(), backoff.soonest()]).toEqual([500, 0]);
});

test("a shorter hold does not end a longer one", () => {
  const backoff = createBackoff();
  backoff.hold(60_000);
  backoff.hold(1_000);
  expect(backoff.soonest()).toBe(60_000);
});

test("the first attempt may come at once", () => {
  expect(createBackoff().soonest()).toBe(0);
});

test("with a reason to try at once, it still waits until 200 ms after the loss", () => {
  const backoff = createBackoff();
  vi.advanceTimersByTime(5_000);
  backoff.lost();
  expect(backoff.soonest()).toBe(200);
  vi.advanceTimersByTime(150);
  expect(backoff.soonest()).toBe(50);
  vi.advanceTimersByTime(150);
  expect(backoff.soonest()).toBe(0);
});

test("a server can name any time up to an hour", () => {
  expect([1, 250, 3_600_000].map(sensible)).toEqual([1, 250, 3_600_000]);
  expect([3_600_001, 2 ** 40, Number.POSITIVE_INFINITY].map(sensible)).toEqual([3_600_000, 3_600_000, 3_600_000]);
});

test("what is no sensible time counts as none", () => {
  expect([0, -1, Number.NEGATIVE_INFINITY, Number.NaN].map(sensible)).toEqual([0, 0, 0, 0]);
  const others = ["soon", null, undefined, {}] as unknown as number[];
  expect(others.map(sensible)).toEqual([0, 0, 0, 0]);
});

test("whatever happens, a delay is at least 200 ms and at most 20 s or the hold", () => {
  const next = randomFrom(20_260_901);
  for (let run = 0; run < 200; run++) {
    const backoff = createBackoff();
    let heldUntil = 0;
    for (let step = 0; step < 50; step++) {
      random = next();
      const choice = next();
      if (choice < 0.4) backoff.lost();
      else if (choice < 0.6) backoff.opened();
      else if (choice < 0.8) vi.advanceTimersByTime(Math.floor(next() * 30_000));
      else {
        const ms = Math.floor(next() * 100_000);
        heldUntil = Math.max(heldUntil, performance.now() + ms);
        backoff.hold(ms);
      }
      const held = heldUntil - performance.now();
      expect(backoff.delay()).toBeGreaterThanOrEqual(Math.max(200, held));
      expect(backoff.delay()).toBeLessThanOrEqual(Math.max(20_000, held));
      expect(backoff.soonest()).toBeGreaterThanOrEqual(Math.max(0, held));
      expect(backoff.soonest()).toBeLessThanOrEqual(Math.max(200, held));
    }
  }
});

/** Numbers from 0 to 1 that are the same in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
