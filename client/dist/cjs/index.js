Object.defineProperties(exports, {
	__esModule: { value: true },
	[Symbol.toStringTag]: { value: "Module" }
});
const require_client = require("./client.js");
exports.MicroSocket = require_client.MicroSocket;
exports.MicroSocketError = require_client.MicroSocketError;
exports.default = require_client.MicroSocket;
