type Listener<Args extends readonly unknown[]> = (...args: Args) => unknown;
export type Emitter<Key, Args extends readonly unknown[]> = ReturnType<typeof createEmitter<Key, Args>>;
/** Listeners by key, called in the order in which they were bound. */
export declare function createEmitter<Key, Args extends readonly unknown[]>(): {
    /** Binds a listener; the function returned unbinds it. */
    on(key: Key, listener: Listener<Args>, once?: boolean): () => void;
    /** Unbinds a listener, or all of the key. */
    off(key: Key, listener?: Listener<Args>): void;
    /** Calls the listeners of a key. What one of them throws is reported, and the others are called all the same. */
    emit(key: Key, ...args: Args): void;
};
/** Calls a function of the application's. What it throws is reported and goes no further. */
export declare function attempt(call: () => unknown): void;
/** Makes an error of the application's known in the way of the platform, as one in a listener of `addEventListener` is. */
export declare function report(error: unknown): void;
export {};
