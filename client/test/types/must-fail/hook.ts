// error: TS2345
import MicroSocket from "../../../src/index.js";
import { useEvent } from "../../../src/react.js";

const socket = new MicroSocket<{ in: Record<never, never>; out: { said: string }; asks: Record<never, never> }>("/");
export const useIt = () => useEvent(socket, "shouted", () => {});
