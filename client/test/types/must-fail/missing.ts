// error: TS2554
import MicroSocket from "../../../src/index.js";

const socket = new MicroSocket<{
  in: { join: { payload: { room: string }; answer: number } };
  out: Record<never, never>;
  asks: Record<never, never>;
}>("/");
await socket.request("join");
