export type Liveness = ReturnType<typeof createLiveness>;
/** Notices that nobody is at the other end: after 15 s of silence it calls `ping`, and an answer is due in 10 s. */
export declare function createLiveness(ping: () => void, dead: () => void): {
    /** Something was received. Called for each message, so it starts no timer. */
    heard(): void;
    /** There is a reason for doubt: asks now, unless it has asked already, and an answer is due in 3 s. */
    probe(): void;
    stop: () => void;
};
