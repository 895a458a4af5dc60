import { rounded } from "./json.js";
import { toPython, toTypeScript } from "./literal.js";
import type { Outcome } from "./outcomes.js";

/** One call, as it was made in the console. */
export interface CallSample {
  /** The absolute URL with its query. */
  readonly url: string;
  /** The same within the application, for tests that need no server. */
  readonly path: string;
  readonly auth: unknown;
  /** What the generated TypeScript calls the namespace. */
  readonly type: string;
  readonly event: string;
  readonly kind: "request" | "stream" | "send";
  /** `undefined` is none. */
  readonly payload: unknown;
  /** What came back to this request, if that is known. */
  readonly outcome: Outcome | undefined;
}

export const LANGUAGES = { typescript: "TypeScript", python: "Python", pytest: "pytest" } as const;
export type Language = keyof typeof LANGUAGES;

/** A program that makes the same call. */
export function snippet(language: Language, call: CallSample): string {
  return { typescript, python, pytest }[language](call);
}

function typescript({ url, auth, type, event, kind, payload }: CallSample): string {
  const args = argumentsOf(event, payload)
    .map((each) => toTypeScript(each))
    .join(", ");
  const options = auth === undefined ? "" : `, { auth: ${toTypeScript(auth)} }`;
  const use = {
    send: [`socket.send(${args});`],
    request: [`const answer = await socket.request(${args});`, "console.log(answer);"],
    stream: [`for await (const item of socket.stream(${args})) {`, "  console.log(item);", "}"],
  }[kind];
  return lines(
    'import MicroSocket from "microsockets";',
    `import type { ${type} } from "./events.js"; // microsockets client MODULE:APP -o events.ts`,
    "",
    `const socket = new MicroSocket<${type}>(${toTypeScript(url)}${options});`,
    ...rounded([auth, payload]).map(({ text }) => `// JavaScript has no number ${text}: this one is rounded.`),
    ...use,
  );
}

function python({ url, auth, event, kind, payload }: CallSample): string {
  const at = "        ";
  const args = argumentsOf(event, payload)
    .map((each) => toPython(each, at))
    .join(", ");
  const options = auth === undefined ? "" : `, auth=${toPython(auth, "    ")}`;
  const use = {
    send: [`await socket.send(${args})`],
    request: [`print(await socket.request(${args}))`],
    stream: [`async for item in socket.stream(${args}):`, "    print(item)"],
  }[kind];
  return lines(
    "import asyncio",
    "",
    "from microsockets.client import MicroSocket",
    "",
    "",
    "async def main() -> None:",
    `    async with MicroSocket(${toPython(url)}${options}) as socket:`,
    ...use.map((line) => at + line),
    "",
    "",
    "asyncio.run(main())",
  );
}

function pytest({ path, auth, event, kind, payload, outcome }: CallSample): string {
  const at = "        ";
  const args = argumentsOf(event, payload)
    .map((each) => toPython(each, at))
    .join(", ");
  const options = auth === undefined ? "" : `, auth=${toPython(auth, at)}`;
  const fails = outcome !== undefined && "error" in outcome;
  const use = fails
    ? [
        "with pytest.raises(RequestFailed) as failed:",
        `    await peer.request(${args})`,
        `assert failed.value.code == ${toPython(outcome.error)}`,
      ]
    : {
        send: [`await peer.send(${args})`],
        request: [
          outcome
            ? `assert await peer.request(${args}) == ${toPython(outcome.answer, at)}`
            : `await peer.request(${args})`,
        ],
        stream: [`items = [item async for item in peer.stream(${args})]`],
      }[kind];
  return lines(
    "import pytest",
    `from microsockets.testing import Client${fails ? ", RequestFailed" : ""}`,
    "",
    "from MODULE import app  # where your Application is",
    "",
    "",
    "@pytest.mark.asyncio",
    `async def test_${event.replace(/\W+/g, "_").toLowerCase()}() -> None:`,
    "    async with Client(app) as client:",
    `        peer = await client.connect(${toPython(path)}${options})`,
    ...use.map((line) => at + line),
  );
}

function argumentsOf(event: string, payload: unknown): unknown[] {
  return payload === undefined ? [event] : [event, payload];
}

function lines(...all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}
