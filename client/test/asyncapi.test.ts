// The AsyncAPI documents of all examples, read by the official parser.

import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { Parser } from "@asyncapi/parser";
import { expect, test } from "vitest";

const ROOT = resolve("..");
const PYTHON = process.env["PYTHON"] ?? join(ROOT, ".venv/bin/python");
const PRINT = `
import json
from microsockets.schema import read_contract, read_samples
from microsockets.schema.asyncapi import asyncapi
from tests.schema.examples import EXAMPLES
from tests.schema.shop import app
for name, app in {**EXAMPLES, "tests.schema.shop:app": app}.items():
    contract = read_contract(app.namespaces, title=app.title, version=app.version)
    samples = read_samples(app.namespaces, contract)
    print(json.dumps([name, asyncapi(contract, examples=samples, server={"host": "example.com", "protocol": "wss"})]))
`;

const printed = spawnSync(PYTHON, ["-c", PRINT], { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 26 });
const documents = printed.stdout
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as [string, Record<string, unknown>]);
const parser = new Parser();

async function problems(document: unknown): Promise<string[]> {
  const { diagnostics } = await parser.parse(JSON.stringify(document));
  // That there is a newer version than 3.0 is no problem.
  const told = diagnostics.filter(({ code }) => code !== "asyncapi-latest-version");
  return told.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test("there are examples", () => {
  expect(printed.stderr).toBe("");
  expect(documents.length).toBeGreaterThan(3);
});

test.each(documents)("%s has nothing to complain about", async (_name, document) => {
  expect(await problems(document)).toEqual([]);
});

test("what is wrong is found", async () => {
  const [, document] = documents[0] as [string, { operations: Record<string, { messages: unknown }> }];
  const [operation] = Object.values(document.operations);
  if (operation) operation.messages = [{ $ref: "#/components/messages/nowhere" }];
  expect(await problems(document)).not.toEqual([]);
});
