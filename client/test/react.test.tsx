// @vitest-environment happy-dom

import { StrictMode, useState } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import WebSocket from "ws";
import { type MicroSocket, MicroSocketError } from "../src/index.js";
import { useEvent, useRequest, useSocket, useStream } from "../src/react.js";
import { freePort, Server } from "./peers.js";

interface Hall {
  in: {
    double: { payload: number; answer: number };
    say: { payload: string; answer: null };
    count: { payload: number; item: number };
    enter: { answer: null; error: { code: "room_full"; details: number } };
    wait: { answer: null };
    tokens: { answer: string[] };
  };
  out: { said: string };
  asks: Record<never, never>;
}

let server: Server;
let root: Root;
let page: HTMLElement;

beforeAll(async () => {
  server = await new Server(await freePort()).start();
});

afterAll(() => server.stop("SIGKILL"));

beforeEach(() => {
  page = document.createElement("main");
  root = createRoot(page);
});

afterEach(() => root.unmount());

const options = { WebSocket };

/** Waits until the page shows a text. */
async function shows(text: string): Promise<void> {
  await vi.waitFor(() => expect(page.textContent).toBe(text), 5000);
}

test("a component has a socket while it is mounted, and is rendered when its state changes", async () => {
  const made = new Set<MicroSocket<Hall>>();
  function View() {
    const socket = useSocket<Hall>(`${server.url}/hall`, options);
    made.add(socket);
    return <p>{socket.state}</p>;
  }
  root.render(<View />);
  await shows("open");
  expect(made.size).toBe(1);
  root.render(<p>gone</p>);
  await shows("gone");
  const [socket] = made;
  await vi.waitFor(() => expect(socket?.state).toBe("closed"));
});

test("strict mode, which mounts everything twice, ends with one open socket", async () => {
  const tokens = vi.fn(() => ({ token: "strict" }));
  function View() {
    const socket = useSocket<Hall>(`${server.url}/hall`, { ...options, auth: tokens });
    return <p>{socket.state}</p>;
  }
  root.render(
    <StrictMode>
      <View />
    </StrictMode>,
  );
  await shows("open");
  expect(tokens).toHaveBeenCalledTimes(1);
});

test("the listener of the last render is called, and none after the unmount", async () => {
  let socket: MicroSocket<Hall> | undefined;
  let setPrefix = (_prefix: string) => {};
  const heard: string[] = [];
  function View() {
    const [prefix, set] = useState("a");
    setPrefix = set;
    socket = useSocket<Hall>(`${server.url}/hall`, options);
    useEvent(socket, "said", (text) => heard.push(`${prefix} ${text}`));
    return <p>{`${prefix} ${socket.state}`}</p>;
  }
  root.render(<View />);
  await shows("a open");
  await socket?.request("say", "one");
  setPrefix("b");
  await shows("b open");
  await socket?.request("say", "two");
  expect(heard).toEqual(["a one", "b two"]);
});

test("a request tells its answer, its error, and that it is pending", async () => {
  let run = (_n: number): Promise<unknown> => Promise.resolve();
  let enter = (): Promise<unknown> => Promise.resolve();
  const seen = new Set<string>();
  function View() {
    const socket = useSocket<Hall>(`${server.url}/hall`, options);
    const double = useRequest(socket, "double");
    const entering = useRequest(socket, "enter");
    run = double.run;
    enter = entering.run;
    const code = entering.error instanceof MicroSocketError ? entering.error.code : "none";
    const text = `${double.data} ${double.pending} ${code}`;
    seen.add(text);
    return <p>{text}</p>;
  }
  root.render(<View />);
  await shows("undefined false none");
  expect(await run(4)).toBe(8);
  await shows("8 false none");
  expect(seen).toContain("undefined true none");
  await expect(enter()).rejects.toMatchObject({ code: "room_full", details: 3 });
  await shows("8 false room_full");
});

test("a newer run cancels the one before, and the unmount the last", async () => {
  let run = (): Promise<unknown> => Promise.resolve();
  function Button({ socket }: { socket: MicroSocket<Hall> }) {
    run = useRequest(socket, "wait").run;
    return <b>button</b>;
  }
  function View({ full }: { full: boolean }) {
    const socket = useSocket<Hall>(`${server.url}/hall`, options);
    return full ? <Button socket={socket} /> : <i>nothing</i>;
  }
  root.render(<View full />);
  await shows("button");
  const codeOf = (running: Promise<unknown>) => running.catch((error: MicroSocketError) => error.code);
  const first = codeOf(run());
  const second = codeOf(run());
  expect(await first).toBe("cancelled");
  root.render(<View full={false} />);
  expect(await second).toBe("cancelled");
});

test("a stream shows its last items, and starts again with another payload", async () => {
  let setLimit = (_limit: number) => {};
  function View() {
    const [limit, set] = useState(3);
    setLimit = set;
    const socket = useSocket<Hall>(`${server.url}/hall`, options);
    const { items, done } = useStream(socket, "count", limit, { keep: 2 });
    return <p>{`${items.join(" ")} ${done}`}</p>;
  }
  root.render(<View />);
  await shows("1 2 true");
  setLimit(1);
  await shows("0 true");
});
