// error: TS2345
import MicroSocket from "../../../src/index.js";

const socket = new MicroSocket<{
  in: { join: { answer: number }; count: { item: number } };
  out: Record<never, never>;
  asks: Record<never, never>;
}>("/");
for await (const item of socket.stream("join")) void item;
