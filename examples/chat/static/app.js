// The page: what people see and do. What others wrote is only ever put in as text.

import MicroSocket from "/microsockets.js";

const TYPING_EVERY_MS = 2_000;
const TYPING_LASTS_MS = 4_000;
const TOAST_MS = 6_000;
const KEPT_LINES = 500;
const HUES = 8;

const $ = (id) => document.getElementById(id);
const time = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
// Whoever connects again with the same id is who it was, whatever became of the old connection.
const tab = { id: Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("") };
const socket = new MicroSocket("/chat", { connect: false, auth: tab });

let wanted = null; // {user, room}, from the moment somebody asks to join
let joined = false; // whether the chat is on the screen
let present = false; // whether the server has us in the room now
let joining = false;
let unread = 0;
const members = new Map(); // id -> name
const typists = new Map(); // name -> timer

// Joining and leaving

$("join").addEventListener("submit", (submit) => {
  submit.preventDefault();
  const user = $("user").value.trim();
  const room = $("room").value.trim();
  if (!user) return refuse("Write the name that others will see.", $("user"));
  if (!room) return refuse("Write the name of a room; a new one is fine.", $("room"));
  refuse("");
  wanted = { user, room };
  $("join-button").textContent = "Joining…";
  if (socket.state === "open") enter();
  else socket.open();
});

$("leave").addEventListener("click", () => {
  socket.close();
  showWelcome();
});

async function enter() {
  if (joining) return;
  joining = true;
  const asked = wanted;
  try {
    const here = await socket.request("join", asked);
    if (asked === wanted) showChat(here);
  } catch (error) {
    if (asked === wanted && error.code !== "disconnected") refused(error);
  } finally {
    joining = false;
  }
}

function refused(error) {
  socket.close();
  showWelcome();
  refuse(`${error.message}.`.replace(/\.\.$/, "."), error.code === "name_taken" ? $("user") : null);
}

function refuse(problem, field) {
  $("join-error").textContent = problem;
  $("join-button").textContent = "Join";
  for (const input of [$("user"), $("room")]) input.setAttribute("aria-invalid", String(input === field));
  field?.focus();
}

function showChat(here) {
  const again = joined;
  joined = present = true;
  showState();
  if (again) {
    note("You are back");
    return;
  }
  $("welcome").hidden = true;
  $("chat").hidden = false;
  $("room-name").textContent = wanted.room;
  $("messages").replaceChildren();
  note(here.length > 1 ? `You joined ${here.length - 1} other${here.length > 2 ? "s" : ""}` : "You are the first one here");
  remember("name", wanted.user);
  history.replaceState(null, "", `#${encodeURIComponent(wanted.room)}`);
  showTitle();
  $("text").focus();
}

function showWelcome() {
  joined = present = false;
  wanted = null;
  unread = 0;
  for (const user of [...typists.keys()]) stopTyping(user);
  $("chat").hidden = true;
  $("welcome").hidden = false;
  document.title = "Chat";
  refuse("");
  showPeople(false);
  $($("user").value ? "room" : "user").focus();
}

// The connection

const STATES = {
  open: "Connected",
  connecting: "Connecting…",
  waiting: "Reconnecting…",
  closing: "Disconnected",
  closed: "Disconnected",
};

socket.onopen = () => {
  if (wanted) enter();
};

socket.onstatechange = ({ state, previous, code }) => {
  present = false;
  showState();
  const refused = state === "closed" && previous !== "closing";
  if (joined) {
    if (refused) note(`The server ended the connection (${code})`);
    return;
  }
  if (state === "waiting") refuse("The server cannot be reached. Trying again…");
  if (refused) refuse(`The server refused the connection (${code}).`);
};

socket.onerror = ({ error }) => {
  // What became of the connection is shown already.
  if (error.code !== "disconnected") toast(error.message);
};

function showState() {
  const state = socket.state === "open" && !present ? "connecting" : socket.state;
  $("connection").dataset.state = state;
  $("connection").textContent = STATES[state];
  $("send").disabled = !present;
}

// Who is here

socket.on("presence", ({ room, members: here }) => {
  if (room !== wanted?.room) return;
  members.clear();
  for (const { id, state } of here) members.set(id, state.user);
  showMembers();
});

socket.on("presence_difference", ({ room, joined: came, left }) => {
  if (room !== wanted?.room) return;
  for (const { id, state } of came) {
    members.set(id, state.user);
    if (state.user !== wanted.user) note(`${state.user} joined`);
  }
  for (const id of left) {
    const user = members.get(id);
    members.delete(id);
    stopTyping(user);
    note(`${user} left`);
  }
  showMembers();
});

function showMembers() {
  $("people-count").textContent = members.size;
  $("members").replaceChildren(
    ...[...members.values()].map((user) => {
      const item = element("li", "member");
      item.append(avatar(user), element("bdi", "", user));
      if (user === wanted.user) item.append(element("span", "muted", "you"));
      return item;
    }),
  );
}

$("people-button").addEventListener("click", () => showPeople(!$("people").classList.contains("shown")));

function showPeople(shown) {
  $("people").classList.toggle("shown", shown);
  $("people-button").setAttribute("aria-expanded", String(shown));
}

document.addEventListener("click", (click) => {
  if (!click.target.closest("#people, #people-button")) showPeople(false);
});

document.addEventListener("keydown", (key) => {
  if (key.key !== "Escape") return;
  hideToast();
  showPeople(false);
});

// Messages

socket.on("said", (message) => {
  stopTyping(message.user);
  showMessage(message);
  if (document.hidden) {
    unread += 1;
    showTitle();
  }
});

$("composer").addEventListener("submit", (submit) => {
  submit.preventDefault();
  const text = $("text").value.trim();
  if (!text || !present) return;
  $("text").value = "";
  fitText();
  toldTyping = 0;
  say(text);
  $("text").focus();
});

async function say(text) {
  const line = showMessage({ user: wanted.user, text, at: new Date() });
  line.classList.add("pending");
  try {
    const { at } = await socket.request("say", text);
    showTime(line, at);
  } catch (error) {
    toast(`Not sent: ${error.message}`);
    offerAgain(line, text);
  }
  line.classList.remove("pending");
}

function offerAgain(line, text) {
  line.classList.add("failed");
  const again = element("button", "link", "Not sent. Try again");
  again.type = "button";
  again.addEventListener("click", () => {
    if (!present) return toast("Not connected");
    line.remove();
    say(text);
    $("text").focus();
  });
  line.querySelector("time").replaceWith(again);
}

function showMessage({ user, text, at }) {
  const own = user === wanted.user;
  const line = element("li", own ? "message own" : "message");
  line.dataset.user = user;
  const last = $("messages").lastElementChild;
  const follows = last?.dataset.user === user;
  line.classList.toggle("follows", follows);
  if (!own) line.append(avatar(user));
  const name = element("bdi", own || follows ? "name visually-hidden" : "name", own ? "You" : user);
  const body = element("p", "text");
  body.dir = "auto";
  body.append(element("span", "words", text), element("time"));
  const bubble = element("div", "bubble");
  bubble.append(name, body);
  line.append(bubble);
  showTime(line, at);
  addLine(line, own);
  return line;
}

function showTime(line, at) {
  const moment = new Date(at);
  line.querySelector("time").dateTime = moment.toISOString();
  line.querySelector("time").textContent = time.format(moment);
}

function note(text) {
  addLine(element("li", "note", text), false);
}

function addLine(line, follow) {
  const log = $("log");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  $("messages").append(line);
  if ($("messages").childElementCount > KEPT_LINES) $("messages").firstElementChild.remove();
  if (follow || atEnd) scrollToEnd();
  else $("newer").hidden = false;
}

function scrollToEnd() {
  $("log").scrollTop = $("log").scrollHeight;
  $("newer").hidden = true;
}

$("newer").addEventListener("click", scrollToEnd);
$("log").addEventListener("scroll", () => {
  const { scrollHeight, scrollTop, clientHeight } = $("log");
  if (scrollHeight - scrollTop - clientHeight < 60) $("newer").hidden = true;
});
// Keeps the end in sight when a phone's keyboard opens or the window shrinks.
new ResizeObserver(() => $("newer").hidden && scrollToEnd()).observe($("log"));

// Typing

let toldTyping = 0;

$("text").addEventListener("input", () => {
  fitText();
  const now = performance.now();
  if (present && $("text").value.trim() && (!toldTyping || now - toldTyping > TYPING_EVERY_MS)) {
    toldTyping = now;
    socket.send("typing", undefined, { queue: false });
  }
});

$("text").addEventListener("keydown", (key) => {
  const sends = key.key === "Enter" && !key.shiftKey && !key.isComposing && matchMedia("(pointer: fine), (hover: hover)").matches;
  if (!sends) return;
  key.preventDefault();
  $("composer").requestSubmit();
});

function fitText() {
  $("text").style.height = "auto";
  $("text").style.height = `${$("text").scrollHeight}px`;
}

socket.on("typing", ({ user }) => {
  clearTimeout(typists.get(user));
  typists.set(user, setTimeout(() => stopTyping(user), TYPING_LASTS_MS));
  showTyping();
});

function stopTyping(user) {
  clearTimeout(typists.get(user));
  typists.delete(user);
  showTyping();
}

function showTyping() {
  const [first, second, ...others] = typists.keys();
  $("typing").dataset.active = String(typists.size > 0);
  if (!first) $("typing-text").textContent = "";
  else if (!second) $("typing-text").textContent = `${first} is typing`;
  else if (!others.length) $("typing-text").textContent = `${first} and ${second} are typing`;
  else $("typing-text").textContent = `${first}, ${second} and ${others.length} more are typing`;
}

// Small things

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function avatar(user) {
  const made = element("span", "avatar", [...user][0].toUpperCase());
  made.dataset.hue = String([...user].reduce((sum, character) => (sum * 31 + character.codePointAt(0)) % 9973, 7) % HUES);
  made.setAttribute("aria-hidden", "true");
  return made;
}

let toastTimer;

function toast(text) {
  clearTimeout(toastTimer);
  $("toast").hidden = false;
  $("toast-text").textContent = text;
  toastTimer = setTimeout(hideToast, TOAST_MS);
}

function hideToast() {
  clearTimeout(toastTimer);
  $("toast").hidden = true;
  $("toast-text").textContent = "";
}

$("toast-close").addEventListener("click", hideToast);

function showTitle() {
  document.title = (unread ? `(${unread}) ` : "") + wanted.room;
}

document.addEventListener("visibilitychange", () => {
  unread = 0;
  if (joined) showTitle();
});

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage may be forbidden; then the name is typed again.
  }
}

function recall(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function roomInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

$("user").value = recall("name");
$("room").value = roomInAddress() || "lobby";
$($("user").value ? "room" : "user").focus();
