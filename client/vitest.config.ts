import { defineConfig } from "vitest/config";

// Every branch of the parts that need no socket, and nearly every one of the rest.
const complete = { statements: 100, branches: 100, functions: 100, lines: 100 };
const PURE = "auth,backoff,emitter,error,events,liveness,message,queue,questions,requests,stream,wake,wire";

export default defineConfig({
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    coverage: {
      provider: "v8",
      include: ["src/**"],
      exclude: ["src/contract.ts", "src/index.ts", "src/script.ts"],
      reporter: ["text"],
      thresholds: { branches: 90, [`src/{${PURE}}.ts`]: complete },
    },
  },
});
