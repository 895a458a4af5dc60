import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createBackoff, sensible } from "../../src/backoff.js";

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test("the wait is at random up to 0.5 s, doubled with each failure up to 20 s", () => {
  vi.spyOn(Math, "random").mockReturnValue(1);
  const backoff = createBackoff();
  const delays = Array.from({ length: 8 }, () => {
    backoff.lost();
    return backoff.delay();
  });
  expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
});

test("the wait is never under 200 ms and never over 20 s", () => {
  const backoff = createBackoff();
  for (let n = 0; n < 2000; n++) {
    backoff.lost();
    expect(backoff.delay()).toBeGreaterThanOrEqual(200);
    expect(backoff.delay()).toBeLessThanOrEqual(20_000);
  }
});

test("10 s of health forgive failures, and less does not", () => {
  vi.spyOn(Math, "random").mockReturnValue(1);
  const backoff = createBackoff();
  backoff.lost();
  backoff.lost();
  backoff.opened();
  vi.advanceTimersByTime(9_999);
  expect(backoff.lost()).toBe(false);
  expect(backoff.delay()).toBe(2000);
  backoff.opened();
  vi.advanceTimersByTime(10_000);
  expect(backoff.lost()).toBe(true);
  expect(backoff.delay()).toBe(500);
  backoff.lost();
  expect(backoff.delay()).toBe(1000);
});

test("who has a reason to try at once still keeps 200 ms from the last loss", () => {
  const backoff = createBackoff();
  vi.advanceTimersByTime(1);
  expect(backoff.soonest()).toBe(0);
  backoff.lost();
  expect(backoff.soonest()).toBe(200);
  vi.advanceTimersByTime(150);
  expect(backoff.soonest()).toBe(50);
  vi.advanceTimersByTime(100);
  expect(backoff.soonest()).toBe(0);
});

test("a server that asks to be left alone is, by every kind of try", () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  const backoff = createBackoff();
  backoff.lost();
  backoff.hold(5000);
  backoff.hold(10);
  expect(backoff.delay()).toBe(5000);
  expect(backoff.soonest()).toBe(5000);
  vi.advanceTimersByTime(5000);
  expect(backoff.delay()).toBe(200);
  expect(backoff.soonest()).toBe(0);
});

test.each([
  [100, 100],
  [0, 0],
  [-5, 0],
  [Number.NaN, 0],
  [1e300, 3_600_000],
  [Number.POSITIVE_INFINITY, 3_600_000],
  ["7" as unknown as number, 7],
  [{} as unknown as number, 0],
])("of the time %s that a server names, %d ms count", (named, counted) => {
  expect(sensible(named)).toBe(counted);
});
