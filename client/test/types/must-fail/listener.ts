// error: TS2339
import MicroSocket from "../../../src/index.js";

const socket = new MicroSocket<{
  in: Record<never, never>;
  out: { said: { text: string } };
  asks: Record<never, never>;
}>("/");
socket.on("said", (payload) => payload.words);
