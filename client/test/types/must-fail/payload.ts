// error: TS2322
import MicroSocket from "../../../src/index.js";

interface Chat {
  in: { join: { payload: { room: string }; answer: number } };
  out: Record<never, never>;
  asks: Record<never, never>;
}

await new MicroSocket<Chat>("/").request("join", { room: 1 });
