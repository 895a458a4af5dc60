// Socket.IO on Node: node with_socket_io.mjs PORT
import { createServer } from "node:http";
import { Server } from "socket.io";
import { isText } from "./text.mjs";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  socket.on("echo", (payload, answer) => answer(isText(payload) ? payload : { error: "this is no text" }));
  socket.on("join", (room, answer) => {
    socket.join(room);
    answer();
  });
  socket.on("say", (payload, answer) => {
    if (!isText(payload)) return answer({ error: "this is no text" });
    io.to("lobby").emit("said", payload);
    answer();
  });
});

http.listen(Number(process.argv[2]), "127.0.0.1");
