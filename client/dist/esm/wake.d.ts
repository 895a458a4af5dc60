/** Calls when the network is back, or somebody looks at the page again. Returns what ends that. */
export declare function onWake(call: () => void): () => void;
