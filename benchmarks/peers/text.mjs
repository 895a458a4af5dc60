// The payload of all messages, as text.py has it.
export function isText(value) {
  return typeof value === "object" && value !== null && typeof value.text === "string" && Number.isInteger(value.n);
}
