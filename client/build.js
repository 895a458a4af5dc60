// Builds dist/ and the console of the Python package, which are committed: node build.js [DIST CONSOLE]

import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? join(here, "dist"));
const console = resolve(process.argv[3] ?? join(here, "../microsockets/console/static"));
const esm = join(folder, "esm");
const cjs = join(folder, "cjs");

const entries = { index: "src/index.ts", react: "src/react.ts" };
const names = { entryFileNames: "[name].js", chunkFileNames: "client.js" };
const minified = { minify: true, comments: false };

for (const each of [folder, console]) rmSync(each, { recursive: true, force: true });
for (const [input, output] of [
  [entries, { ...names, dir: esm, format: "esm" }],
  [entries, { ...names, dir: cjs, format: "cjs", exports: "named" }],
  ["src/index.ts", { ...minified, file: join(folder, "microsockets.min.mjs"), format: "esm" }],
  [
    "src/script.ts",
    { ...minified, file: join(folder, "microsockets.min.js"), format: "iife", name: "MicroSocket", exports: "default" },
  ],
  ["console/main.ts", { ...minified, file: join(console, "console.js"), format: "esm" }],
]) {
  await build({ input, output, cwd: here, external: ["react"], transform: { target: "es2022" }, logLevel: "warn" });
}

for (const file of ["index.html", "console.css"]) cpSync(join(here, "console", file), join(console, file));

// One package.json decides how Node reads the files of a folder, and TypeScript their declarations.
writeFileSync(join(cjs, "package.json"), '{ "type": "commonjs" }\n');
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "--project", "tsconfig.build.json", "--outDir", esm], {
  cwd: here,
  stdio: "inherit",
});
for (const file of readdirSync(esm).filter((name) => name.endsWith(".d.ts"))) cpSync(join(esm, file), join(cjs, file));
