// Files that must not compile, each for the one reason that its first line names.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const folder = resolve("test/types/must-fail");
const files = readdirSync(folder).map((name) => join(folder, name));
const { config } = ts.readConfigFile("tsconfig.json", ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ".");
const program = ts.createProgram(files, options);

test("there are such files", () => {
  expect(files.length).toBeGreaterThan(4);
});

test.each(files.map((file) => [file.slice(folder.length + 1), file]))("%s does not compile", (_name, file) => {
  const expected = readFileSync(file, "utf8").match(/^\/\/ error: (TS\d+)\n/)?.[1];
  const source = program.getSourceFile(file);
  const found = ts.getPreEmitDiagnostics(program, source).map(({ code }) => `TS${code}`);
  expect(found).toEqual([expected]);
});
