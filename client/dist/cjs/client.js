// src/emitter.ts
/** Listeners by key, called in the order in which they were bound. */
function createEmitter() {
	const entries = /* @__PURE__ */ new Map();
	function keep(key, wanted) {
		const kept = entries.get(key)?.filter(wanted) ?? [];
		if (kept.length > 0) entries.set(key, kept);
		else entries.delete(key);
	}
	return {
		/** Binds a listener; the function returned unbinds it. */
		on(key, listener, once = false) {
			const entry = {
				listener,
				once
			};
			entries.set(key, [...entries.get(key) ?? [], entry]);
			return () => keep(key, (other) => other !== entry);
		},
		/** Unbinds a listener, or all of the key. */
		off(key, listener) {
			keep(key, (entry) => listener !== void 0 && entry.listener !== listener);
		},
		/** Calls the listeners of a key. What one of them throws is reported, and the others are called all the same. */
		emit(key, ...args) {
			for (const entry of entries.get(key) ?? []) {
				if (entry.once) keep(key, (other) => other !== entry);
				try {
					entry.listener(...args);
				} catch (error) {
					report(error);
				}
			}
		}
	};
}
/** Calls a function of the application's. What it throws is reported and goes no further. */
function attempt(call) {
	try {
		call();
	} catch (error) {
		report(error);
	}
}
/** Makes an error of the application's known in the way of the platform, as one in a listener of `addEventListener` is. */
function report(error) {
	if (typeof reportError === "function") reportError(error);
	else setTimeout(() => {
		throw error;
	});
}
// src/events.ts
/** The listeners of a WebSocket: `addEventListener`, and one property for each type of event, which is called first. */
var SocketEventTarget = class extends EventTarget {
	onopen = null;
	onmessage = null;
	onstatechange = null;
	onerror = null;
	onclose = null;
	/**
	* How `message` events give binary messages, which the framework does not use; counts from the next connection on.
	* @default "blob"
	*/
	binaryType = "blob";
	#listensToMessages = false;
	addEventListener(type, listener, options) {
		this.#listensToMessages ||= type === "message";
		super.addEventListener(type, listener, options);
	}
	/** @internal */
	fire(type, properties) {
		this.#dispatch(Object.assign(new Event(type), properties));
	}
	/**
	* Passes a message on, as an event that is made only if somebody listens: there may be thousands a second.
	* @internal
	*/
	fireMessage({ data, origin }) {
		if (this.#listensToMessages || this.onmessage) this.#dispatch(new MessageEvent("message", {
			data,
			origin
		}));
	}
	#dispatch(event) {
		const handler = this[`on${event.type}`];
		attempt(() => handler?.call(this, event));
		this.dispatchEvent(event);
	}
};
// src/backoff.ts
const FIRST_MS = 500;
const LONGEST_MS = 2e4;
const LEAST_MS = 200;
const HEALTHY_MS = 1e4;
/** No server's word keeps a client away for longer. It also fits a timer, which fires at once beyond 2^31 - 1 ms. */
const LONGEST_HOLD_MS = 36e5;
/** The time that a server names, in milliseconds. What is no sensible time counts as none. */
function sensible(ms) {
	return ms > 0 ? Math.min(ms, LONGEST_HOLD_MS) : 0;
}
/** When to connect again. All times are milliseconds. */
function createBackoff() {
	let doublings = -1;
	let openedAt;
	let lostAt = -200;
	let heldUntil = 0;
	return {
		opened() {
			openedAt = performance.now();
		},
		/** An attempt failed, or a connection was lost. Returns whether it was healthy: open for 10 s, which forgives failures. */
		lost() {
			lostAt = performance.now();
			const healthy = openedAt !== void 0 && lostAt - openedAt >= HEALTHY_MS;
			openedAt = void 0;
			doublings = healthy ? 0 : doublings + 1;
			return healthy;
		},
		/** The server asks to be left alone for so long. */
		hold(ms) {
			heldUntil = Math.max(heldUntil, performance.now() + ms);
		},
		/** How long to wait: at random up to 0.5 s, doubled with each failure in a row up to 20 s. */
		delay() {
			const limit = Math.min(LONGEST_MS, FIRST_MS * 2 ** doublings);
			return Math.max(LEAST_MS, Math.random() * limit, heldUntil - performance.now());
		},
		/** How long to wait when there is a reason to try at once. */
		soonest() {
			return Math.max(0, Math.max(lostAt + LEAST_MS, heldUntil) - performance.now());
		}
	};
}
// src/error.ts
/**
* Why a request, a stream or a question failed.
*
* `code` is one of the server's (`ErrorCode`), one of the application's own, or one of the client's: `disconnected` (the
* connection was lost; whether the server acted on the event is unknown), `timeout`, `cancelled` and `overloaded`.
*
* Throw one in a handler of `handle()` to answer the server's question with it.
*/
var MicroSocketError = class MicroSocketError extends Error {
	name = "MicroSocketError";
	code;
	/** What the code documents, if anything; a `rate_limited` error has `{ retry_after: seconds }`. */
	details;
	constructor(code, message = code, details, options) {
		super(message, options);
		this.code = code;
		this.details = details;
	}
	/** What the server said. */
	static from({ code, message, details }) {
		return new MicroSocketError(code, message, details);
	}
};
// src/message.ts
/** @throws {TypeError} if the payload cannot be JSON, or if the name is not that of an application's event. */
function createMessage(event, payload, reply) {
	checkName(event);
	const json = JSON.stringify(payload);
	return {
		event,
		payload,
		reply,
		tail: json === void 0 ? "}" : `,"payload":${json}}`
	};
}
/** The frame, with the id if there is one by now. */
function encode({ event, id, tail }) {
	return `{"event":${JSON.stringify(event)}${id === void 0 ? "" : `,"id":${id}`}${tail}`;
}
/** @throws {TypeError} if this is not the name of an application's event. */
function checkName(event) {
	if (typeof event !== "string" || event.startsWith("$")) throw new TypeError(`"${event}" cannot name an event`);
}
// src/wire.ts
/**
* The protocol `microsockets.v1`: JSON text frames, one object each. Both sides ignore keys they do not know.
*
* Types and pure functions only; nothing here opens a connection.
*/
/** The subprotocol that a client offers to get control frames; the server selects it. */
const SUBPROTOCOL = "microsockets.v1";
/**
* Comes before the auth data (base64url of JSON, unpadded) in a second subprotocol entry, for browsers, which cannot set
* headers. The server never selects that entry.
*/
const AUTH_PREFIX = "microsockets.auth.";
/** The largest id of a request: the largest integer that a JavaScript number holds exactly. */
const MAX_ID = Number.MAX_SAFE_INTEGER;
const RETRYABLE = /* @__PURE__ */ new Set([
	1001,
	1005,
	1006,
	1011,
	1012,
	1013,
	4401,
	4413,
	4429
]);
/**
* Whether a client connects again after this close code; every other code is final.
*
* 4401 asks for a new token, and is final when it comes twice in a row.
*/
function isRetryable(closeCode) {
	return RETRYABLE.has(closeCode);
}
/** Whether a name is a control frame's, which never reaches an application's listeners. */
function isControl(event) {
	return event.startsWith("$");
}
function isAnswer(frame) {
	return "payload" in frame;
}
function isFailure(frame) {
	return "error" in frame;
}
function isItem(frame) {
	return "item" in frame;
}
/**
* A frame from the text of a message, or `null` if it is none: not JSON, or not of a shape that a server sends.
*
* Unknown keys are kept and mean nothing. Payloads are not checked, except those that control frames must have.
*/
function parseFrame(text) {
	let frame;
	try {
		frame = JSON.parse(text);
	} catch {
		return null;
	}
	return isObject(frame) && isServerFrame(frame) ? frame : null;
}
function isServerFrame({ event, id, ack, error, payload }) {
	if (event === void 0) return typeof ack === "number" && (error === void 0 || isErrorObject(error));
	if (event === "$error") return isErrorObject(payload);
	if (event === "$hello") return isObject(payload) && isObject(payload["limits"]);
	return typeof event === "string" && (id === void 0 || Number.isSafeInteger(id));
}
function isObject(value) {
	return typeof value === "object" && value !== null;
}
function isErrorObject(value) {
	return isObject(value) && typeof value["code"] === "string";
}
// src/stream.ts
const MOST_UNREAD = 1e3;
/**
* The items that answer one request, to be read once. The request is sent when the first item is asked for.
*
* A reader who leaves cancels the request. So does one who is 1,000 items behind, and gets `overloaded` after those items.
*
* `send` sends the request, `cancel` takes it back, and `over` is called when nothing more will come.
*/
function createStream(send, cancel, over) {
	let items = [];
	let wake = () => {};
	let ended = false;
	let failure;
	function end(error) {
		if (ended) return;
		ended = true;
		failure = error;
		over();
		wake();
	}
	function stop(error) {
		items = [];
		failure = void 0;
		if (!ended) cancel();
		end(error);
	}
	async function* read() {
		if (!ended) send();
		while (true) if (items.length > 0) yield items.shift();
		else if (failure) throw failure;
		else if (ended) return;
		else await new Promise((resolve) => {
			wake = resolve;
		});
	}
	const reader = read();
	for (const way of ["return", "throw"]) {
		const leave = reader[way].bind(reader);
		reader[way] = (value) => {
			stop();
			return leave(value);
		};
	}
	return {
		reader,
		stop,
		reply: {
			streams: true,
			fail: end,
			receive(frame) {
				if (isAnswer(frame)) end(new MicroSocketError("bad_frame", "Not a stream: use request()"));
				else if (!isItem(frame)) end();
				else if (items.length < MOST_UNREAD) {
					items.push(frame.item);
					wake();
				} else {
					cancel();
					end(new MicroSocketError("overloaded", `The reader is ${MOST_UNREAD} items behind`));
				}
			}
		}
	};
}
// src/calls.ts
const TIMEOUT_MS = 3e4;
/** What a client can do with an event: send it, ask for its answer, or read its stream. */
function createCalls({ plain, timeout: usual = TIMEOUT_MS }, { deliver, withdraw }) {
	function messageOf(event, payload, reply) {
		return createMessage(event, plain ? payload ?? "" : payload, reply);
	}
	return {
		send(event, payload, { queue } = {}) {
			deliver(messageOf(event, payload), queue);
		},
		request(event, payload, options = {}) {
			const { timeout = usual, signal, queue } = options;
			return new Promise((resolve, reject) => {
				const settle = () => {
					clearTimeout(timer);
					unbind();
				};
				const fail = (error) => {
					settle();
					reject(error);
				};
				const giveUp = (error) => {
					withdraw(message);
					fail(error);
				};
				const message = messageOf(event, payload, {
					fail,
					receive(frame) {
						if (!isAnswer(frame)) return giveUp(new MicroSocketError("bad_frame", "Not an answer: use stream()"));
						settle();
						resolve(frame.payload);
					}
				});
				const timer = timeout < 2 ** 31 ? setTimeout(() => giveUp(new MicroSocketError("timeout", `No answer in ${timeout} ms`)), timeout) : void 0;
				const unbind = onAbort(signal, giveUp);
				if (signal?.aborted) fail(cancelled(signal));
				else deliver(message, queue);
			});
		},
		stream(event, payload, { signal, queue } = {}) {
			const { reader, reply, stop } = createStream(() => deliver(message, queue), () => withdraw(message), () => unbind());
			const message = messageOf(event, payload, reply);
			const unbind = onAbort(signal, stop);
			if (signal?.aborted) stop(cancelled(signal));
			return reader;
		}
	};
}
function cancelled(signal) {
	return new MicroSocketError("cancelled", "Aborted by the signal", void 0, { cause: signal?.reason });
}
/** Calls when the signal is aborted from now on. Returns what ends that. */
function onAbort(signal, call) {
	const listener = () => call(cancelled(signal));
	signal?.addEventListener("abort", listener);
	return () => signal?.removeEventListener("abort", listener);
}
// src/queue.ts
/** How often a message that is too old, but was sent, is looked at again. */
const AGAIN_MS = 1e3;
/**
* Messages that wait for a connection, in order, bounded in number, size and age. `dropped` is called with each that is lost.
*
* A message that was sent has an id, and stays until it is removed: so it has its place if it must be sent again.
*/
function createQueue(limits, dropped) {
	const { size = 256, characters = 1048576, age = 6e4 } = limits;
	const messages = [];
	let held = 0;
	function remove(message) {
		const index = messages.indexOf(message);
		if (index < 0) return false;
		messages.splice(index, 1);
		held -= message.tail.length;
		clearTimeout(message.timer);
		return true;
	}
	function drop(message, reason) {
		if (remove(message)) dropped(message, reason);
	}
	return {
		/** How many there are, with those that were sent. */
		length: () => messages.length,
		/** The oldest message that was not sent. */
		next: () => messages.find((message) => message.id === void 0),
		/** Takes a message out. Returns whether it was there. */
		remove,
		/** Adds a message at the end, or drops it if there is no room: those that wait already go first. */
		push(message) {
			if (messages.length >= size || held + message.tail.length > characters) return dropped(message, "overloaded");
			messages.push(message);
			held += message.tail.length;
			const wait = (ms) => {
				message.timer = setTimeout(() => {
					if (message.id === void 0) drop(message, "timeout");
					else wait(AGAIN_MS);
				}, ms);
			};
			wait(Math.min(age, 2 ** 31 - 1));
		},
		/** Drops all messages: there will be no connection. */
		clear() {
			for (const message of [...messages]) drop(message, "disconnected");
		}
	};
}
// src/requests.ts
/** The requests that wait for a reply. Their ids count up, and none is used twice. */
function createRequests() {
	const waiting = /* @__PURE__ */ new Map();
	let next = 0;
	let unanswered = 0;
	function take(id) {
		const reply = waiting.get(id);
		if (waiting.delete(id) && !reply?.streams) unanswered--;
		return reply;
	}
	return {
		/** Stops to wait, and returns who did. */
		take,
		/** How many wait, not counting streams. */
		unanswered: () => unanswered,
		/** Waits for the reply to a request that is sent with the id returned. */
		add(reply) {
			waiting.set(next, reply);
			if (!reply.streams) unanswered++;
			return next++;
		},
		/** Hands a frame to who waits for it, if anybody does (any more). */
		settle(frame) {
			if (isItem(frame)) waiting.get(frame.ack)?.receive(frame);
			else {
				const reply = take(frame.ack);
				if (isFailure(frame)) reply?.fail(MicroSocketError.from(frame.error));
				else reply?.receive(frame);
			}
		},
		/** No reply will come any more. */
		failAll(error) {
			for (const id of [...waiting.keys()]) take(id)?.fail(error);
		}
	};
}
// src/delivery.ts
const MOST_UNANSWERED$1 = 8;
const LEAST_PAUSE_MS = 200;
/** The error of a request that was lost. */
function lossOf(reason) {
	return new MicroSocketError(reason, `Not delivered: ${reason}`);
}
/**
* Brings messages to the server and replies back. What finds no connection waits in the queue, which is sent in order and with
* at most 8 requests unanswered. `failed` is called when the server refuses a message from the queue that nobody waits for.
*/
function createDelivery(options, link, failed) {
	const { plain, onDropped } = options;
	const queue = createQueue(options.queue || {}, drop);
	const requests = createRequests();
	let largest = Number.POSITIVE_INFINITY;
	/** Listeners of `open` run, and what they send goes before the queue. */
	let greeting = false;
	/** The server is about to go: the connection is given up as soon as nothing is in flight. */
	let leaving = false;
	let leaveTimer;
	/** The server is busy: the queue waits for this timer. */
	let pauseTimer;
	function drop(message, reason) {
		const { event, payload, reply, id } = message;
		reply?.fail(lossOf(reason));
		attempt(() => onDropped?.({
			event,
			payload,
			reason,
			sent: id !== void 0
		}));
	}
	function write(message, reply = message.reply) {
		if (message.tail.length > largest) return drop(message, "too_large");
		if (reply) message.id = requests.add(reply);
		link.socket?.send(encode(message));
	}
	/** Sends what waits in the queue, as far as the server has answered what was sent before. */
	function advance() {
		if (leaving && requests.unanswered() === 0) return link.abandon();
		while (link.readyState === 1 && !(greeting || leaving || pauseTimer) && requests.unanswered() < MOST_UNANSWERED$1) {
			const message = queue.next();
			if (!message) return;
			const confirmed = !(message.reply || plain);
			if (!confirmed) queue.remove(message);
			write(message, confirmed ? confirmation(message) : message.reply);
		}
	}
	function confirmation(message) {
		return {
			receive(frame) {
				queue.remove(message);
				if (isItem(frame)) withdraw(message);
			},
			fail(error) {
				if (isBusy(error)) {
					message.id = void 0;
					return;
				}
				queue.remove(message);
				if (error.code === "disconnected") drop(message, "disconnected");
				else failed(error, message.event);
			}
		};
	}
	function withdraw(message) {
		if (queue.remove(message) || message.id === void 0 || !requests.take(message.id)) return;
		if (!plain) link.socket?.send(`{"event":"$cancel","payload":${message.id}}`);
		advance();
	}
	/** If the server has too much to do, the queue waits, and so does the next attempt to connect. */
	function obey(error) {
		if (!isBusy(error)) return;
		const details = error.details;
		const wait = Math.max(LEAST_PAUSE_MS, sensible((details?.retry_after ?? 0) * 1e3));
		if (error.code === "overloaded") link.backoff.hold(wait);
		clearTimeout(pauseTimer);
		pauseTimer = setTimeout(() => {
			pauseTimer = void 0;
			advance();
		}, wait);
	}
	return {
		obey,
		/** Takes a message back: nobody waits for its answer any more. */
		withdraw,
		/** Sends a message, or lets it wait, or drops it. */
		deliver(message, mayWait = options.queue !== false) {
			const { readyState } = link;
			if (readyState === 1 && !leaving && (greeting || !mayWait || queue.length() === 0)) write(message);
			else if (mayWait && readyState < 2) queue.push(message);
			else drop(message, "disconnected");
		},
		/** A reply has come. */
		settle(frame) {
			if (isFailure(frame)) obey(frame.error);
			requests.settle(frame);
			advance();
		},
		/** A connection is open. What is sent while `greet` runs goes before the queue. */
		opened(hello, greet) {
			largest = hello?.limits["frame_bytes"] ?? Number.POSITIVE_INFINITY;
			greeting = true;
			greet();
			greeting = false;
			advance();
		},
		/** The server goes in so many milliseconds. */
		drain(ms) {
			link.backoff.hold(ms);
			clearTimeout(leaveTimer);
			leaveTimer = setTimeout(() => {
				leaving = true;
				advance();
			}, ms);
		},
		/** The connection is gone. */
		lost() {
			clearTimeout(leaveTimer);
			clearTimeout(pauseTimer);
			leaving = false;
			pauseTimer = void 0;
			requests.failAll(lossOf("disconnected"));
		},
		/** There will be no other connection. */
		closed: queue.clear
	};
}
function isBusy(error) {
	return error.code === "overloaded" || error.code === "rate_limited";
}
// src/auth.ts
/**
* The subprotocol entry that carries auth data: any JSON, as base64url without padding.
*
* @throws {MicroSocketError} `too_large` beyond 4 KiB of JSON.
*/
function authProtocol(auth) {
	const json = JSON.stringify(auth);
	const bytes = new TextEncoder().encode(json);
	if (bytes.length > 4096) throw new MicroSocketError("too_large", "`auth` is over 4 KiB");
	const base64 = btoa(String.fromCharCode(...bytes));
	return AUTH_PREFIX + base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
// src/liveness.ts
const SILENCE_MS = 15e3;
const ANSWER_MS = 1e4;
const PROBE_MS = 3e3;
const LATE_MS = 1e3;
/** Notices that nobody is at the other end: after 15 s of silence it calls `ping`, and an answer is due in 10 s. */
function createLiveness(ping, dead) {
	let heardAt = performance.now();
	let asked = false;
	let dueAt = 0;
	let slept = false;
	let timer;
	function wait(ms) {
		clearTimeout(timer);
		dueAt = performance.now() + ms;
		timer = setTimeout(check, ms);
	}
	function ask(ms) {
		asked = true;
		wait(ms);
		ping();
	}
	function check() {
		const now = performance.now();
		if (!asked) {
			const silence = now - heardAt;
			slept = false;
			if (silence < SILENCE_MS) wait(SILENCE_MS - silence);
			else ask(ANSWER_MS);
		} else if (now - dueAt > LATE_MS && !slept) {
			slept = true;
			ask(PROBE_MS);
		} else dead();
	}
	wait(SILENCE_MS);
	return {
		/** Something was received. Called for each message, so it starts no timer. */
		heard() {
			heardAt = performance.now();
			asked = false;
		},
		/** There is a reason for doubt: asks now, unless it has asked already, and an answer is due in 3 s. */
		probe() {
			if (!asked) ask(PROBE_MS);
			else wait(Math.min(PROBE_MS, dueAt - performance.now()));
		},
		stop: () => clearTimeout(timer)
	};
}
// src/wake.ts
/** Calls when the network is back, or somebody looks at the page again. Returns what ends that. */
function onWake(call) {
	const global = globalThis;
	const binding = new AbortController();
	const listener = ({ type }) => {
		if (type !== "visibilitychange" || !global.document?.hidden) call();
	};
	for (const type of [
		"online",
		"visibilitychange",
		"resume"
	]) global.addEventListener?.(type, listener, binding);
	return () => binding.abort();
}
// src/link.ts
const OPENING_MS = 1e4;
const CLOSING_MS = 3e3;
const BROKEN = {
	code: 1006,
	reason: "",
	wasClean: false
};
const READY_STATES = {
	connecting: 0,
	waiting: 0,
	open: 1,
	closing: 2,
	closed: 3
};
/** @throws {TypeError} if the options contradict each other. */
function createLink(address, options, owner) {
	const { auth, plain, protocols = [], reconnect = true } = options;
	const backoff = createBackoff();
	let state = "closed";
	let url = String(address);
	let socket;
	let liveness;
	let refusals = 0;
	let pingId = MAX_ID;
	/** For the next attempt, or for the end of this one or of the closing handshake. */
	let timer;
	let unwatch = () => {};
	if (plain && auth !== void 0) throw new TypeError("`plain` takes no `auth`: use a cookie");
	const webSocket = () => options.WebSocket ?? globalThis.WebSocket;
	function change(next, details) {
		const previous = state;
		state = next;
		liveness?.stop();
		liveness = void 0;
		owner.changed({
			...details,
			state,
			previous
		});
	}
	function arm(call, ms) {
		clearTimeout(timer);
		timer = setTimeout(call, ms);
	}
	async function connect() {
		const mine = timer;
		if (state !== "connecting") change("connecting");
		try {
			const token = await (typeof auth === "function" ? auth() : auth);
			if (mine === timer) start(token);
		} catch (cause) {
			if (mine !== timer) return;
			const ours = cause instanceof MicroSocketError;
			owner.failed(ours ? cause : new MicroSocketError("unavailable", String(cause), void 0, { cause }));
			if (mine === timer) lost(BROKEN);
		}
	}
	function start(token) {
		const offered = plain ? [] : [SUBPROTOCOL];
		if (token !== void 0 && token !== null) offered.push(authProtocol(token));
		const opening = new (webSocket())(url, offered.concat(protocols));
		socket = opening;
		arm(abandon, OPENING_MS);
		opening.addEventListener("open", () => {
			if (plain && socket === opening && state === "connecting") opened(null);
		});
		opening.addEventListener("message", (message) => {
			if (socket !== opening) return;
			liveness?.heard();
			const frame = typeof message.data === "string" ? parseFrame(message.data) : null;
			if (state === "open") owner.received(frame, message);
			else if (state === "connecting" && frame?.event === "$hello") opened(frame.payload);
		});
		opening.addEventListener("close", ({ code, reason, wasClean }) => {
			if (socket === opening) lost({
				code,
				reason,
				wasClean
			});
		});
		opening.addEventListener("error", () => {});
	}
	function opened(hello) {
		clearTimeout(timer);
		backoff.opened();
		change("open");
		if (state !== "open") return;
		if (hello) liveness = createLiveness(() => socket?.send(`{"event":"$ping","id":${pingId--}}`), abandon);
		owner.opened(hello);
	}
	function abandon() {
		if (socket?.terminate) socket.terminate();
		else socket?.close();
		lost(BROKEN);
	}
	function lost(end) {
		socket = void 0;
		const closing = state === "closing";
		const healthy = !closing && backoff.lost();
		refusals = end.code === 4401 ? 1 + (healthy ? 0 : refusals) : 0;
		if (closing || !reconnect || !isRetryable(end.code) || refusals > 1) {
			clearTimeout(timer);
			timer = void 0;
			unwatch();
			change("closed", end);
		} else {
			const delay = backoff.delay();
			arm(connect, delay);
			change("waiting", {
				...end,
				delay
			});
		}
	}
	return {
		backoff,
		abandon,
		get state() {
			return state;
		},
		get readyState() {
			return READY_STATES[state];
		},
		get url() {
			return url;
		},
		get socket() {
			return socket;
		},
		open() {
			if (state === "closing") abandon();
			if (state !== "closed") return;
			const parsed = new URL(address, globalThis.location?.href);
			parsed.protocol = parsed.protocol.replace("http", "ws");
			parsed.hash = "";
			url = parsed.href;
			if (!webSocket()) throw new Error("No WebSocket here: give one as an option");
			unwatch = onWake(() => {
				if (state === "waiting") arm(connect, backoff.soonest());
				else liveness?.probe();
			});
			refusals = 0;
			arm(connect, backoff.soonest());
			change("connecting");
		},
		close(code = 1e3, reason = "") {
			if (READY_STATES[state] > 1) return;
			socket?.close(code, reason);
			if (socket) arm(abandon, CLOSING_MS);
			else arm(() => lost({
				code,
				reason,
				wasClean: true
			}), 0);
			change("closing");
		}
	};
}
// src/questions.ts
const MOST_UNANSWERED = 256;
/** What answers the server's questions, by event. */
function createQuestions() {
	const handlers = /* @__PURE__ */ new Map();
	let unanswered = 0;
	return {
		/** Binds the handler of an event, in place of the one that it had; the function returned unbinds it. */
		bind(event, handler) {
			checkName(event);
			handlers.set(event, handler);
			return () => {
				if (handlers.get(event) === handler) handlers.delete(event);
			};
		},
		/** The frame that answers a question; what goes wrong is an answer, too. */
		async answer(id, event, payload) {
			unanswered++;
			try {
				if (unanswered > MOST_UNANSWERED) throw new MicroSocketError("overloaded", "Too many questions", { retry_after: 1 });
				const handler = handlers.get(event);
				if (!handler) throw new MicroSocketError("unknown_event", "No handler");
				return `{"ack":${id},"payload":${JSON.stringify(await handler(payload, event)) ?? null}}`;
			} catch (error) {
				const ours = error instanceof MicroSocketError;
				if (!ours) report(error);
				const { code, message, details } = ours ? error : new MicroSocketError("internal_error", "The handler failed");
				return JSON.stringify({
					ack: id,
					error: {
						code,
						message,
						details
					}
				});
			} finally {
				unanswered--;
			}
		}
	};
}
// src/session.ts
/** The key of listeners that are called with every event. */
const ANY = Symbol("any event");
/**
* The methods and properties of a socket: puts its parts together, and tells `target` what happens as events.
* @internal
*/
function createSession(url, options, target) {
	const events = createEmitter();
	const questions = createQuestions();
	let hello = null;
	function fail(error, event) {
		target.fire("error", {
			error,
			event
		});
	}
	async function answer({ id, event, payload }) {
		const { socket } = link;
		const frame = await questions.answer(id, event, payload);
		if (link.readyState === 1 && link.socket === socket) socket?.send(frame);
	}
	const link = createLink(url, options, {
		failed: fail,
		changed(change) {
			const { state, previous, wasClean } = change;
			if (previous === "open") {
				hello = null;
				delivery.lost();
			}
			if (link.readyState > 1) delivery.closed();
			target.fire("statechange", change);
			if (state !== "closed") return;
			if (previous !== "closing" && !wasClean) fail(lossOf("disconnected"));
			target.fire("close", change);
		},
		opened(next) {
			hello = next;
			if (link.socket) link.socket.binaryType = target.binaryType;
			delivery.opened(hello, () => target.fire("open", {}));
		},
		received(frame, message) {
			if (!frame) return target.fireMessage(message);
			const { event, payload } = frame;
			if (event === void 0) delivery.settle(frame);
			else if (event === "$error") {
				const failure = payload;
				delivery.obey(failure);
				fail(MicroSocketError.from(failure), failure.event);
			} else if (event === "$drain") delivery.drain(sensible(payload?.after_ms ?? 0));
			else if (!isControl(event)) {
				target.fireMessage(message);
				if (frame.id !== void 0) answer(frame).catch(report);
				else {
					events.emit(event, payload, event, message);
					events.emit(ANY, payload, event, message);
				}
			}
		}
	});
	const delivery = createDelivery(options, link, fail);
	function bind(event, listener, once = false) {
		checkName(event);
		return events.on(event, listener, once);
	}
	async function untilReady() {
		while (link.readyState === 0) await new Promise((resolve) => target.addEventListener("statechange", resolve, { once: true }));
		if (link.readyState > 1) throw lossOf("disconnected");
	}
	return {
		...createCalls(options, delivery),
		open: link.open,
		close: link.close,
		on: (event, listener) => bind(event, listener),
		once: (event, listener) => bind(event, listener, true),
		onAny: (listener) => events.on(ANY, listener),
		off: events.off,
		handle: questions.bind,
		isError: (_event, error) => error instanceof MicroSocketError,
		get state() {
			return link.state;
		},
		get hello() {
			return hello;
		},
		get ready() {
			return untilReady();
		},
		get url() {
			return link.url;
		},
		get readyState() {
			return link.readyState;
		},
		get protocol() {
			return link.socket?.protocol ?? "";
		},
		get extensions() {
			return link.socket?.extensions ?? "";
		},
		get bufferedAmount() {
			return link.socket?.bufferedAmount ?? 0;
		}
	};
}
// src/client.ts
const states = {
	CONNECTING: 0,
	OPEN: 1,
	CLOSING: 2,
	CLOSED: 3
};
function construct(url, options = {}) {
	const { connect = true, ...others } = typeof options === "string" || Array.isArray(options) ? { protocols: options } : options;
	const socket = Reflect.construct(SocketEventTarget, [], new.target ?? construct);
	const session = createSession(url, others, socket);
	Object.defineProperties(socket, Object.getOwnPropertyDescriptors(session));
	if (connect) session.open();
	return socket;
}
Object.setPrototypeOf(construct, SocketEventTarget);
construct.prototype = Object.assign(SocketEventTarget.prototype, states, { constructor: construct });
const MicroSocket = Object.assign(construct, states);
Object.defineProperty(exports, "MicroSocket", {
	enumerable: true,
	get: function() {
		return MicroSocket;
	}
});
Object.defineProperty(exports, "MicroSocketError", {
	enumerable: true,
	get: function() {
		return MicroSocketError;
	}
});
