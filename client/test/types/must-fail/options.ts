// error: TS2345
import MicroSocket from "../../../src/index.js";

new MicroSocket("/", { reconnect: "always" });
