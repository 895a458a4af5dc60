// error: TS2345
import MicroSocket from "../../../src/index.js";

const socket = new MicroSocket<{
  in: { join: { answer: number } };
  out: Record<never, never>;
  asks: Record<never, never>;
}>("/");
await socket.request("jion");
