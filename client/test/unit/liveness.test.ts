import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLiveness } from "../../src/liveness.js";

const ping = vi.fn();
const dead = vi.fn();
let live: ReturnType<typeof createLiveness>;

beforeEach(() => {
  vi.useFakeTimers();
  live = createLiveness(ping, dead);
});

afterEach(() => {
  live.stop();
  vi.clearAllMocks();
  vi.useRealTimers();
});

/** The page sleeps: time passes, and timers come late. */
function sleep(ms: number): void {
  vi.spyOn(performance, "now").mockReturnValue(performance.now() + ms);
  vi.advanceTimersToNextTimer();
  vi.mocked(performance.now).mockRestore();
}

test("after 15 s of silence it asks, and not before", () => {
  vi.advanceTimersByTime(14_999);
  expect(ping).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(ping).toHaveBeenCalledTimes(1);
});

test("what is received counts as a sign of life", () => {
  vi.advanceTimersByTime(10_000);
  live.heard();
  vi.advanceTimersByTime(14_999);
  expect(ping).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(ping).toHaveBeenCalledTimes(1);
  live.heard();
  vi.advanceTimersByTime(24_999);
  expect(dead).not.toHaveBeenCalled();
});

test("without an answer in 10 s the link is dead", () => {
  vi.advanceTimersByTime(24_999);
  expect(dead).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(dead).toHaveBeenCalledTimes(1);
  expect(ping).toHaveBeenCalledTimes(1);
});

test("a probe asks at once, and an answer is due in 3 s", () => {
  live.probe();
  expect(ping).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(3_000);
  expect(dead).toHaveBeenCalledTimes(1);
});

test("probes while an answer is due do not put it off", () => {
  vi.advanceTimersByTime(15_000);
  for (let n = 0; n < 3; n++) {
    live.probe();
    vi.advanceTimersByTime(1_000);
  }
  expect(ping).toHaveBeenCalledTimes(1);
  expect(dead).toHaveBeenCalledTimes(1);
});

test("an answered probe is followed by silence as usual", () => {
  live.probe();
  vi.advanceTimersByTime(10);
  live.heard();
  vi.advanceTimersByTime(15_009);
  expect(dead).not.toHaveBeenCalled();
  expect(ping).toHaveBeenCalledTimes(2);
});

test("after a sleep it asks again before it judges, but only once", () => {
  vi.advanceTimersByTime(15_000);
  sleep(60_000);
  expect(dead).not.toHaveBeenCalled();
  expect(ping).toHaveBeenCalledTimes(2);
  sleep(60_000);
  expect(dead).toHaveBeenCalledTimes(1);
});

test("after it has stopped, nothing happens", () => {
  live.stop();
  vi.advanceTimersByTime(60_000);
  expect(ping).not.toHaveBeenCalled();
});
