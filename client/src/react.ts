import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { RequestOptions } from "./calls.js";
import { MicroSocket, type Options } from "./client.js";
import type {
  AnswerOf,
  AnyContract,
  Arguments,
  Contract,
  ItemOf,
  Listener,
  OutEvent,
  PayloadOf,
  RequestEvent,
  StreamEvent,
} from "./contract.js";
import { MicroSocketError } from "./error.js";
import type { State } from "./events.js";

const KEPT_ITEMS = 100;

/** The value of the last render, for what is called later. */
function useLatest<Value>(value: Value): { readonly current: Value } {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}

function useSocketState<C extends Contract>(socket: MicroSocket<C>): State {
  const subscribe = useCallback(
    (changed: () => void) => {
      socket.addEventListener("statechange", changed);
      return () => socket.removeEventListener("statechange", changed);
    },
    [socket],
  );
  return useSyncExternalStore(
    subscribe,
    () => socket.state,
    () => "closed",
  );
}

/**
 * A socket for as long as the component is mounted, which is rendered again when `socket.state` changes. A new `url` makes a
 * new one; of later `options`, only `auth` and `onDropped` count, if they are functions. On a server it does not connect.
 */
export function useSocket<C extends Contract = AnyContract>(url: string | URL, options: Options = {}): MicroSocket<C> {
  const address = String(url);
  const latest = useLatest(options);
  // A socket keeps the options that it was made with.
  const socket = useMemo(() => {
    const { auth, onDropped } = options;
    return new MicroSocket<C>(address, {
      ...options,
      connect: false,
      ...(typeof auth === "function" && { auth: () => callOf(latest.current.auth)() }),
      ...(onDropped && { onDropped: (dropped) => latest.current.onDropped?.(dropped) }),
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
export function useEvent<C extends Contract, Event extends OutEvent<C>>(
  socket: MicroSocket<C>,
  event: Event,
  listener: Listener<C, Event>,
): void {
  const latest = useLatest(listener);
  useEffect(() => socket.on(event, (...args) => latest.current(...args)), [socket, event, latest]);
}

export interface RequestState<Answer> {
  /** The last answer. */
  readonly data: Answer | undefined;
  /** Why the last run failed, if it did. */
  readonly error: Error | undefined;
  readonly pending: boolean;
}

export interface RequestHook<C extends Contract, Event extends RequestEvent<C>>
  extends RequestState<AnswerOf<C, Event>> {
  /** Sends the request. A run that is pending is cancelled, and so is one whose component is unmounted. */
  readonly run: (...args: Arguments<C, Event, Omit<RequestOptions, "signal">>) => Promise<AnswerOf<C, Event>>;
}

/** A request to be sent by `run`, and what became of it. */
export function useRequest<C extends Contract, Event extends RequestEvent<C>>(
  socket: MicroSocket<C>,
  event: Event,
): RequestHook<C, Event> {
  type Answer = AnswerOf<C, Event>;
  const [state, setState] = useState<RequestState<Answer>>({ data: undefined, error: undefined, pending: false });
  const running = useRef<AbortController>(undefined);
  const run = useCallback(
    async (...[payload, options]: Arguments<C, Event, Omit<RequestOptions, "signal">>): Promise<Answer> => {
      const mine = new AbortController();
      running.current?.abort();
      running.current = mine;
      const show = (next: (before: RequestState<Answer>) => RequestState<Answer>) => {
        if (!mine.signal.aborted) setState(next);
      };
      show(({ data }) => ({ data, error: undefined, pending: true }));
      try {
        const args = [payload, { ...options, signal: mine.signal }] as Arguments<C, Event, RequestOptions>;
        const data = await socket.request(event, ...args);
        show(() => ({ data, error: undefined, pending: false }));
        return data;
      } catch (error) {
        show(({ data }) => ({ data, error: errorOf(error), pending: false }));
        throw error;
      }
    },
    [socket, event],
  );
  useEffect(() => () => running.current?.abort(), []);
  return { ...state, run };
}

export interface StreamState<Item> {
  /** The last items, oldest first. */
  readonly items: readonly Item[];
  /** Why the stream failed, if it did. */
  readonly error: Error | undefined;
  /** Whether the stream has ended by itself. */
  readonly done: boolean;
}

export interface StreamHookOptions {
  /**
   * How many items are kept.
   * @default 100
   */
  readonly keep?: number;
}

/**
 * Reads a stream while the component is mounted and the socket is open. It is started again, without its items, when the
 * connection is another one, and when the payload is another one as JSON.
 */
export function useStream<C extends Contract, Event extends StreamEvent<C>>(
  socket: MicroSocket<C>,
  event: Event,
  payload?: PayloadOf<C, Event>,
  { keep = KEPT_ITEMS }: StreamHookOptions = {},
): StreamState<ItemOf<C, Event>> {
  type Item = ItemOf<C, Event>;
  const [state, setState] = useState<StreamState<Item>>({ items: [], error: undefined, done: false });
  const open = useSocketState(socket) === "open";
  const latest = useLatest({ payload, keep });
  const key = JSON.stringify(payload);
  // `key` stands for the payload.
  useEffect(() => {
    if (!open) return;
    const { signal, abort } = controller();
    const show = (next: (before: StreamState<Item>) => StreamState<Item>) => {
      if (!signal.aborted) setState(next);
    };
    show(() => ({ items: [], error: undefined, done: false }));
    const read = async () => {
      const args = [latest.current.payload, { signal }] as unknown as Arguments<C, Event, { signal: AbortSignal }>;
      for await (const item of socket.stream(event, ...args)) {
        show((before) => ({ ...before, items: [...before.items, item].slice(-latest.current.keep) }));
      }
      show((before) => ({ ...before, done: true }));
    };
    read().catch((error: unknown) => show((before) => ({ ...before, error: errorOf(error) })));
    return abort;
  }, [socket, event, key, open]);
  return state;
}

function controller(): { readonly signal: AbortSignal; abort(): void } {
  const made = new AbortController();
  return { signal: made.signal, abort: () => made.abort() };
}

function callOf(value: unknown): () => unknown {
  return typeof value === "function" ? (value as () => unknown) : () => value;
}

function errorOf(error: unknown): Error {
  return error instanceof Error ? error : new MicroSocketError("internal_error", String(error));
}
