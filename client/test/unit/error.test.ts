import { expect, test } from "vitest";
import { MicroSocketError } from "../../src/error.js";

test("an error has the code, message and details that it was made with", () => {
  const error = new MicroSocketError("room_full", "No more chairs", { capacity: 3 });
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe("MicroSocketError");
  expect(error.code).toBe("room_full");
  expect(error.message).toBe("No more chairs");
  expect(error.details).toEqual({ capacity: 3 });
  expect(String(error)).toBe("MicroSocketError: No more chairs");
});

test("without a message, the code is one, and there are no details", () => {
  const error = new MicroSocketError("room_full");
  expect(error.message).toBe("room_full");
  expect(error.details).toBeUndefined();
  expect("cause" in error).toBe(false);
});

test("an error may have a cause, whatever it is", () => {
  expect(new MicroSocketError("cancelled", "Aborted", undefined, { cause: "enough" }).cause).toBe("enough");
  expect("cause" in new MicroSocketError("cancelled", "Aborted", undefined, { cause: undefined })).toBe(true);
});

test("what the server said becomes an error", () => {
  const error = MicroSocketError.from({ code: "rate_limited", message: "Wait", details: { retry_after: 2 } });
  expect(error).toBeInstanceOf(MicroSocketError);
  expect(error).toMatchObject({ code: "rate_limited", message: "Wait", details: { retry_after: 2 } });
  expect(MicroSocketError.from({ code: "timeout", message: "" })).toMatchObject({ message: "", details: undefined });
});
