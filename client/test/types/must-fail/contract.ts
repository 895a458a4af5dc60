// error: TS2344
import MicroSocket from "../../../src/index.js";

new MicroSocket<{
  in: { join: { answer: number; error: string } };
  out: Record<never, never>;
  asks: Record<never, never>;
}>("/");
