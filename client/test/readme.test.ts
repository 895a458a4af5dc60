// The examples of the README: those in JavaScript run against a real server, those in TypeScript compile.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort, Server } from "./peers.js";

const run = promisify(execFile);
const readme = await readFile("README.md", "utf8");
const blocks = [...readme.matchAll(/^```(js|tsx?)\n(.*?)^```$/gms)].map(([, language = "", code = ""], index) => ({
  name: `example-${index}.${language === "js" ? "mjs" : language}`,
  code,
}));

let server: Server;
let folder: string;

beforeAll(async () => {
  server = await new Server(await freePort()).start();
  // Within this folder, imports find `microsockets` (the package imports itself), `ws` and `react`.
  folder = await mkdtemp(resolve("test/readme-"));
});

afterAll(async () => {
  await server.stop("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** A page in Node: its address, its WebSocket, and its end, since sockets keep a process alive. */
function page(url: string): string {
  return `import WebSocket from "ws";
globalThis.WebSocket ??= WebSocket;
globalThis.location = { href: "${url}" };
setTimeout(() => process.exit(), 1000);
`;
}

test("there are examples", () => {
  expect(blocks.map(({ name }) => name.split(".")[1])).toEqual([
    "mjs",
    "mjs",
    "mjs",
    "mjs",
    "mjs",
    "mjs",
    "mjs",
    "ts",
    "tsx",
  ]);
});

test.each(blocks.filter(({ name }) => name.endsWith("mjs")))("$name runs", async ({ name, code }) => {
  const http = server.url.replace("ws", "http");
  await writeFile(join(folder, "page.mjs"), page(http));
  await writeFile(join(folder, name), code.replace("ws://127.0.0.1:8000", server.url));
  const { stdout } = await run(process.execPath, ["--import", `./page.mjs`, name], { cwd: folder });
  const shown: Record<string, string> = {
    "example-0": "ada is here\n1",
    "example-4": "message 3",
    "example-5": "true",
  };
  expect(stdout).toContain(shown[name.split(".")[0] ?? ""] ?? "");
});

test("those in TypeScript compile", async () => {
  const typed = blocks.filter(({ name }) => !name.endsWith("mjs"));
  for (const { name, code } of typed) await writeFile(join(folder, name), code);
  const config = { extends: "../../tsconfig.json", include: typed.map(({ name }) => name) };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = [resolve("node_modules/typescript/bin/tsc"), "--project", folder];
  const output = await run(process.execPath, tsc).catch((error) => error);
  expect(output.stdout).toBe("");
}, 60_000);
