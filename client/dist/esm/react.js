import { n as MicroSocketError, t as MicroSocket } from "./client.js";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
// src/react.ts
const KEPT_ITEMS = 100;
/** The value of the last render, for what is called later. */
function useLatest(value) {
	const latest = useRef(value);
	useEffect(() => {
		latest.current = value;
	});
	return latest;
}
function useSocketState(socket) {
	const subscribe = useCallback((changed) => {
		socket.addEventListener("statechange", changed);
		return () => socket.removeEventListener("statechange", changed);
	}, [socket]);
	return useSyncExternalStore(subscribe, () => socket.state, () => "closed");
}
/**
* A socket for as long as the component is mounted, which is rendered again when `socket.state` changes. A new `url` makes a
* new one; of later `options`, only `auth` and `onDropped` count, if they are functions. On a server it does not connect.
*/
function useSocket(url, options = {}) {
	const address = String(url);
	const latest = useLatest(options);
	const socket = useMemo(() => {
		const { auth, onDropped } = options;
		return new MicroSocket(address, {
			...options,
			connect: false,
			...typeof auth === "function" && { auth: () => callOf(latest.current.auth)() },
			...onDropped && { onDropped: (dropped) => latest.current.onDropped?.(dropped) }
		});
	}, [address]);
	const { connect = true } = options;
	useEffect(() => {
		if (connect) socket.open();
		return () => socket.close();
	}, [socket, connect]);
	useSocketState(socket);
	return socket;
}
/** Listens to an event of the server while the component is mounted. The listener of the last render is called. */
function useEvent(socket, event, listener) {
	const latest = useLatest(listener);
	useEffect(() => socket.on(event, (...args) => latest.current(...args)), [
		socket,
		event,
		latest
	]);
}
/** A request to be sent by `run`, and what became of it. */
function useRequest(socket, event) {
	const [state, setState] = useState({
		data: void 0,
		error: void 0,
		pending: false
	});
	const running = useRef(void 0);
	const run = useCallback(async (...[payload, options]) => {
		const mine = new AbortController();
		running.current?.abort();
		running.current = mine;
		const show = (next) => {
			if (!mine.signal.aborted) setState(next);
		};
		show(({ data }) => ({
			data,
			error: void 0,
			pending: true
		}));
		try {
			const args = [payload, {
				...options,
				signal: mine.signal
			}];
			const data = await socket.request(event, ...args);
			show(() => ({
				data,
				error: void 0,
				pending: false
			}));
			return data;
		} catch (error) {
			show(({ data }) => ({
				data,
				error: errorOf(error),
				pending: false
			}));
			throw error;
		}
	}, [socket, event]);
	useEffect(() => () => running.current?.abort(), []);
	return {
		...state,
		run
	};
}
/**
* Reads a stream while the component is mounted and the socket is open. It is started again, without its items, when the
* connection is another one, and when the payload is another one as JSON.
*/
function useStream(socket, event, payload, { keep = KEPT_ITEMS } = {}) {
	const [state, setState] = useState({
		items: [],
		error: void 0,
		done: false
	});
	const open = useSocketState(socket) === "open";
	const latest = useLatest({
		payload,
		keep
	});
	const key = JSON.stringify(payload);
	useEffect(() => {
		if (!open) return;
		const { signal, abort } = controller();
		const show = (next) => {
			if (!signal.aborted) setState(next);
		};
		show(() => ({
			items: [],
			error: void 0,
			done: false
		}));
		const read = async () => {
			const args = [latest.current.payload, { signal }];
			for await (const item of socket.stream(event, ...args)) show((before) => ({
				...before,
				items: [...before.items, item].slice(-latest.current.keep)
			}));
			show((before) => ({
				...before,
				done: true
			}));
		};
		read().catch((error) => show((before) => ({
			...before,
			error: errorOf(error)
		})));
		return abort;
	}, [
		socket,
		event,
		key,
		open
	]);
	return state;
}
function controller() {
	const made = new AbortController();
	return {
		signal: made.signal,
		abort: () => made.abort()
	};
}
function callOf(value) {
	return typeof value === "function" ? value : () => value;
}
function errorOf(error) {
	return error instanceof Error ? error : new MicroSocketError("internal_error", String(error));
}
export { useEvent, useRequest, useSocket, useStream };
