// error: TS2322
import MicroSocket from "../../../src/index.js";

const socket = new MicroSocket<{
  in: Record<never, never>;
  out: Record<never, never>;
  asks: { confirm: { payload: string; answer: boolean } };
}>("/");
socket.handle("confirm", async () => "yes");
