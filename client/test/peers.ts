import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import WebSocket from "ws";
import { MicroSocket, type Options } from "../src/index.js";

// npm runs scripts in the folder of package.json.
const ROOT = resolve("..");
const PYTHON = process.env["PYTHON"] ?? join(ROOT, ".venv/bin/python");

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  return port;
}

/** A real server of ours, in a process of its own. */
export class Server {
  readonly url: string;
  readonly #port: number;
  #process: ChildProcess | undefined;

  constructor(port: number) {
    this.#port = port;
    this.url = `ws://127.0.0.1:${port}`;
  }

  async start(): Promise<this> {
    const args = ["-m", "uvicorn", "tests.client.apps:app", "--host", "127.0.0.1", "--port", String(this.#port)];
    const started = spawn(PYTHON, args, { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] });
    this.#process = started;
    let log = "";
    await new Promise<void>((resolve, reject) => {
      started.on("error", reject);
      started.on("exit", (code) => reject(new Error(`the server ended with ${code}:\n${log}`)));
      started.stderr.on("data", (data) => {
        log += data;
        if (log.includes("Uvicorn running on")) resolve();
      });
    });
    return this;
  }

  /** Ends it: without a word if `signal` is SIGKILL. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const running = this.#process;
    if (running?.exitCode !== null || running.signalCode !== null) return;
    running.kill(signal);
    await once(running, "exit");
  }
}

const open = new Set<MicroSocket>();

/** A socket that `closeAll` closes. */
export function connect(url: string, options: Options = {}): MicroSocket {
  const socket = new MicroSocket(url, { WebSocket, ...options });
  open.add(socket);
  return socket;
}

export function closeAll(): void {
  for (const socket of open) socket.close();
  open.clear();
}

/** The next event of a type that `wanted` accepts. */
export function next<Type extends "open" | "statechange" | "error" | "close">(
  socket: MicroSocket,
  type: Type,
  wanted: (event: Event & { state?: string }) => boolean = () => true,
): Promise<Parameters<NonNullable<MicroSocket[`on${Type}`]>>[0]> {
  return new Promise((resolve) => {
    const listener = (event: Event) => {
      if (!wanted(event)) return;
      socket.removeEventListener(type, listener);
      resolve(event as never);
    };
    socket.addEventListener(type, listener as EventListener);
  });
}

/** Resolves when the socket is in a state. */
export async function reaches(socket: MicroSocket, state: string): Promise<void> {
  if (socket.state !== state) await next(socket, "statechange", (event) => event.state === state);
}

/** What an action throws. */
export async function thrown(action: Promise<unknown>): Promise<{ code?: string; message: string; details?: unknown }> {
  return action.then(
    () => {
      throw new Error("it succeeded");
    },
    (error: Error) => error,
  );
}
