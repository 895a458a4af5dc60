import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLiveness } from "../../src/liveness.js";

let asleep = 0;

beforeEach(() => {
  vi.useFakeTimers();
  asleep = 0;
  const awake = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => awake() + asleep);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Time goes on, and timers do not. */
function sleep(ms: number): void {
  asleep += ms;
}

/** What was noticed, and after how many milliseconds awake. */
function record() {
  const noticed: [what: "ping" | "dead", at: number][] = [];
  const start = Date.now();
  const note = (what: "ping" | "dead") => () => noticed.push([what, Date.now() - start]);
  return { noticed, ...createLiveness(note("ping"), note("dead")) };
}

test("after 15 s of silence it asks, and gives up 10 s later", () => {
  const { noticed } = record();
  vi.advanceTimersByTime(60_000);
  expect(noticed).toEqual([
    ["ping", 15_000],
    ["dead", 25_000],
  ]);
});

test("any message puts the question off", () => {
  const { noticed, heard } = record();
  for (let second = 0; second < 60; second++) {
    vi.advanceTimersByTime(1_000);
    heard();
  }
  expect(noticed).toEqual([]);
  vi.advanceTimersByTime(25_000);
  expect(noticed).toEqual([
    ["ping", 75_000],
    ["dead", 85_000],
  ]);
});

test("an answer in time is all that is needed, and the next question comes 15 s after it", () => {
  const { noticed, heard } = record();
  vi.advanceTimersByTime(24_999);
  heard();
  vi.advanceTimersByTime(15_000);
  expect(noticed).toEqual([
    ["ping", 15_000],
    ["ping", 39_999],
  ]);
});

test("with a reason for doubt, it asks at once and gives up 3 s later", () => {
  const { noticed, probe } = record();
  vi.advanceTimersByTime(5_000);
  probe();
  vi.advanceTimersByTime(60_000);
  expect(noticed).toEqual([
    ["ping", 5_000],
    ["dead", 8_000],
  ]);
});

test("more doubt asks no second time and gives no more time", () => {
  const { noticed, probe } = record();
  vi.advanceTimersByTime(5_000);
  probe();
  vi.advanceTimersByTime(2_000);
  probe();
  vi.advanceTimersByTime(500);
  probe();
  vi.advanceTimersByTime(60_000);
  expect(noticed).toEqual([
    ["ping", 5_000],
    ["dead", 8_000],
  ]);
});

test("doubt about a question that waits already leaves it 3 s", () => {
  const { noticed, probe } = record();
  vi.advanceTimersByTime(16_000);
  probe();
  vi.advanceTimersByTime(60_000);
  expect(noticed).toEqual([
    ["ping", 15_000],
    ["dead", 19_000],
  ]);
});

test("doubt right after a message asks, and only an answer ends it", () => {
  const { noticed, heard, probe } = record();
  vi.advanceTimersByTime(5_000);
  heard();
  probe();
  probe();
  vi.advanceTimersByTime(60_000);
  expect(noticed).toEqual([
    ["ping", 5_000],
    ["dead", 8_000],
  ]);
});

test("an answer ends the doubt", () => {
  const { noticed, probe, heard } = record();
  vi.advanceTimersByTime(5_000);
  probe();
  vi.advanceTimersByTime(1_000);
  heard();
  vi.advanceTimersByTime(14_999);
  expect(noticed).toEqual([["ping", 5_000]]);
  vi.advanceTimersByTime(1);
  expect(noticed.at(-1)).toEqual(["ping", 21_000]);
});

test("a page that slept while it waited for an answer asks again, once", () => {
  const { noticed } = record();
  vi.advanceTimersByTime(20_000);
  sleep(3_600_000);
  vi.advanceTimersByTime(60_000);
  expect(noticed).toEqual([
    ["ping", 15_000],
    ["ping", 25_000],
    ["dead", 28_000],
  ]);
});

test("a page that sleeps twice in a row gives up", () => {
  const { noticed } = record();
  vi.advanceTimersByTime(20_000);
  sleep(3_600_000);
  vi.advanceTimersByTime(6_000);
  sleep(3_600_000);
  vi.advanceTimersByTime(60_000);
  expect(noticed).toEqual([
    ["ping", 15_000],
    ["ping", 25_000],
    ["dead", 28_000],
  ]);
});

test("after an answer, another sleep is forgiven as the first was", () => {
  const { noticed, heard } = record();
  vi.advanceTimersByTime(20_000);
  sleep(3_600_000);
  vi.advanceTimersByTime(6_000);
  heard();
  // Awake for 26 s: the timer of the second question is due at 28 s, and the next question at 41 s.
  vi.advanceTimersByTime(16_000);
  sleep(3_600_000);
  vi.advanceTimersByTime(10_000);
  expect(noticed).toEqual([
    ["ping", 15_000],
    ["ping", 25_000],
    ["ping", 41_000],
    ["ping", 51_000],
  ]);
});

test("a page that wakes after the answer was due asks again before it gives up", () => {
  const { noticed, probe } = record();
  vi.advanceTimersByTime(20_000);
  sleep(3_600_000);
  probe();
  vi.advanceTimersByTime(60_000);
  expect(noticed.map(([what]) => what)).toEqual(["ping", "ping", "dead"]);
  expect(noticed[1]?.[1]).toBeLessThan(20_010);
  expect(noticed[2]?.[1]).toBeLessThan(23_010);
});

test("a page that slept in silence asks when it wakes", () => {
  const { noticed, probe } = record();
  vi.advanceTimersByTime(5_000);
  sleep(3_600_000);
  probe();
  expect(noticed).toEqual([["ping", 5_000]]);
});

test("a timer that is a little late is no sleep", () => {
  const { noticed } = record();
  vi.advanceTimersByTime(20_000);
  sleep(900);
  vi.advanceTimersByTime(60_000);
  expect(noticed).toEqual([
    ["ping", 15_000],
    ["dead", 25_000],
  ]);
});

test("stopped, it notices nothing any more", () => {
  const { noticed, stop } = record();
  stop();
  vi.advanceTimersByTime(60_000);
  expect(noticed).toEqual([]);
});

test("stopped while it waits for an answer, it does not give up", () => {
  const { noticed, stop } = record();
  vi.advanceTimersByTime(16_000);
  stop();
  vi.advanceTimersByTime(60_000);
  expect(noticed).toEqual([["ping", 15_000]]);
});
