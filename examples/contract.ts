// What examples.contract:app and its clients say to each other. Do not edit it; write it anew with:
// microsockets client examples.contract:app --lang typescript -o FILE

/**
 * Bidding for lots in one hall.
 *
 * At `/auction/{hall}`.
 */
export interface Auction {
  in: {
    /** Bids for a lot, and answers with its price. */
    bid: { payload: Bid; answer: Price; error: { code: "too_low"; details: Price | null } };
    /** The prices of a lot, from now on. */
    watch: { payload: number; item: Price };
  };
  out: {
    /** The highest bid for a lot is another one now. */
    raised: Bid;
  };
  asks: {
    /** Asked before a bid that is ten times the last one. */
    sure: { payload: Bid; answer: boolean };
  };
}

export interface Bid {
  /** The number in the catalogue. */
  lot: number;
  /** In cents. */
  amount: number;
}

export interface Price {
  amount: number;
  open: boolean;
}
