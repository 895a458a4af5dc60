// error: TS2322
import MicroSocket from "../../../src/index.js";

const socket = new MicroSocket<{
  in: { join: { answer: number } };
  out: Record<never, never>;
  asks: Record<never, never>;
}>("/");
export const members: string = await socket.request("join");
