// Node's `ws` by hand: node with_ws.mjs PORT
import { WebSocketServer } from "ws";
import { isText } from "./text.mjs";

const members = new Set();

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false });

server.on("connection", (ws) => {
  ws.on("error", () => ws.terminate());
  ws.on("close", () => members.delete(ws));
  ws.on("message", (data) => {
    const frame = JSON.parse(data);
    ws.send(JSON.stringify({ ack: frame.id, ...handle(frame, ws) }));
  });
});

function handle(frame, ws) {
  const { event, payload } = frame;
  if (event === "join") {
    members.add(ws);
    return { payload: null };
  }
  if (!isText(payload)) return { error: "this is no text" };
  if (event === "echo") return { payload };
  // ws has no public way to make a frame once for all; bytes are at least encoded once, as its documentation advises.
  const said = Buffer.from(JSON.stringify({ event: "said", payload }));
  for (const member of members) member.send(said, { binary: false });
  return { payload: null };
}
