import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { onWake } from "../../src/wake.js";

const page = new EventTarget();
const surroundings = { hidden: false };
const woken = vi.fn();

beforeEach(() => {
  woken.mockClear();
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("document", surroundings);
});

afterEach(() => vi.unstubAllGlobals());

const tell = (type: string) => page.dispatchEvent(new Event(type));

test("it tells that the network is back, and that a frozen page goes on", () => {
  const stop = onWake(woken);
  tell("online");
  tell("resume");
  expect(woken).toHaveBeenCalledTimes(2);
  stop();
});

test("it tells that somebody looks at the page again, and not that nobody does", () => {
  const stop = onWake(woken);
  surroundings.hidden = true;
  tell("visibilitychange");
  expect(woken).not.toHaveBeenCalled();
  tell("online");
  expect(woken).toHaveBeenCalledTimes(1);
  surroundings.hidden = false;
  tell("visibilitychange");
  expect(woken).toHaveBeenCalledTimes(2);
  stop();
});

test("it works in a worker, which has no document", () => {
  vi.stubGlobal("document", undefined);
  const stop = onWake(woken);
  tell("visibilitychange");
  tell("online");
  expect(woken).toHaveBeenCalledTimes(2);
  stop();
});

test("after its end it tells nothing", () => {
  onWake(woken)();
  tell("online");
  expect(woken).not.toHaveBeenCalled();
});

test("where there is neither window nor worker it does nothing", () => {
  vi.stubGlobal("addEventListener", undefined);
  expect(onWake(woken)).not.toThrow();
});
