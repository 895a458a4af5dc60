// What is published: the built files, and the package made of them.

import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const HERE = fileURLToPath(new URL("..", import.meta.url));
const NPM = process.env["npm_execpath"];
let folder: string;

/** npm, also where it is not on the path. */
function npm(args: string[], cwd: string): Promise<unknown> {
  return NPM ? run(process.execPath, [NPM, ...args], { cwd }) : run("npm", args, { cwd });
}

async function filesOf(root: string): Promise<Map<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files.sort().map(async (file) => [file.slice(root.length), await readFile(file, "utf8")] as const),
    ),
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "microsockets-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("the built files that are committed are those that a build makes", async () => {
  const [dist, console] = [join(folder, "dist"), join(folder, "console")];
  await run(process.execPath, [join(HERE, "build.js"), dist, console]);
  expect(await filesOf(dist)).toEqual(await filesOf(join(HERE, "dist")));
  expect(await filesOf(console)).toEqual(await filesOf(join(HERE, "../microsockets/console/static")));
}, 60_000);

test("the package installs into an empty project, and works as ESM, CJS and script", async () => {
  await npm(["pack", "--pack-destination", folder, "--loglevel=error"], HERE);
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  await writeFile(join(folder, "package.json"), '{ "private": true }');
  await npm(["install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", `./${tarball}`], folder);

  const use = `
    const socket = MicroSocket("ws://127.0.0.1:1", { connect: false });
    if (!(socket instanceof MicroSocket) || !(new MicroSocket("ws://127.0.0.1:1", { connect: false }).state === "closed")) throw 1;
    if (new MicroSocketError("code").code !== "code") throw 2;
    console.log("works");`;
  await writeFile(join(folder, "esm.mjs"), `import MicroSocket, { MicroSocketError } from "microsockets";${use}`);
  await writeFile(
    join(folder, "cjs.cjs"),
    `const { MicroSocket, MicroSocketError, default: other } = require("microsockets");${use} if (other !== MicroSocket) throw 3;`,
  );
  for (const file of ["esm.mjs", "cjs.cjs"]) {
    expect((await run(process.execPath, [file], { cwd: folder })).stdout).toBe("works\n");
  }

  const installed = join(folder, "node_modules/microsockets");
  const script = await readFile(join(installed, "dist/microsockets.min.js"), "utf8");
  const page = { EventTarget, Event, URL, performance, console, setTimeout, clearTimeout, AbortController };
  expect(runInNewContext(`${script};MicroSocket("ws://127.0.0.1:1", { connect: false }).state`, page)).toBe("closed");
  expect(runInNewContext(`${script};new MicroSocket.MicroSocketError("code").code`, page)).toBe("code");
  expect(await readdir(installed)).toEqual(["LICENSE", "README.md", "dist", "package.json"]);

  // Its declarations are complete for a project in Node, which has no types of the DOM.
  await writeFile(
    join(folder, "types.mts"),
    `import MicroSocket from "microsockets";
    const socket = new MicroSocket("/");
    socket.on("x", (payload, event, { data }) => [payload, event, data]);
    socket.addEventListener("close", ({ code }) => code, { once: true });`,
  );
  const compilerOptions = {
    ...{ target: "ES2022", lib: ["ES2022"], module: "NodeNext", strict: true, noEmit: true, skipLibCheck: false },
    ...{ types: ["node"], typeRoots: [join(HERE, "node_modules/@types")] },
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["types.mts"] }));
  const tsc = [join(HERE, "node_modules/typescript/bin/tsc"), "--project", folder];
  expect((await run(process.execPath, tsc).catch((error) => error)).stdout).toBe("");
}, 120_000);
