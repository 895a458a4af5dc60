type Handler = (payload: unknown, event: string) => unknown;
export type Questions = ReturnType<typeof createQuestions>;
/** What answers the server's questions, by event. */
export declare function createQuestions(): {
    /** Binds the handler of an event, in place of the one that it had; the function returned unbinds it. */
    bind(event: string, handler: Handler): () => void;
    /** The frame that answers a question; what goes wrong is an answer, too. */
    answer(id: number, event: string, payload: unknown): Promise<string>;
};
export {};
