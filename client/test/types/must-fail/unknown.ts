// error: TS18046
import MicroSocket from "../../../src/index.js";

new MicroSocket("/").on("said", (payload) => payload.text);
