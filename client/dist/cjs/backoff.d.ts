/** The time that a server names, in milliseconds. What is no sensible time counts as none. */
export declare function sensible(ms: number): number;
export type Backoff = ReturnType<typeof createBackoff>;
/** When to connect again. All times are milliseconds. */
export declare function createBackoff(): {
    opened(): void;
    /** An attempt failed, or a connection was lost. Returns whether it was healthy: open for 10 s, which forgives failures. */
    lost(): boolean;
    /** The server asks to be left alone for so long. */
    hold(ms: number): void;
    /** How long to wait: at random up to 0.5 s, doubled with each failure in a row up to 20 s. */
    delay(): number;
    /** How long to wait when there is a reason to try at once. */
    soonest(): number;
};
