import { MicroSocketError } from "./error.js";
import type { Reply } from "./requests.js";
import { isAnswer, isItem } from "./wire.js";

const MOST_UNREAD = 1000;

export interface Stream<Item> {
  readonly reply: Reply;
  readonly reader: AsyncGenerator<Item, undefined>;
  /** Cancels the request and forgets what was not read. With an error, that is what the reader gets next. */
  stop(error?: MicroSocketError): void;
}

/**
 * The items that answer one request, to be read once. The request is sent when the first item is asked for.
 *
 * A reader who leaves cancels the request. So does one who is 1,000 items behind, and gets `overloaded` after those items.
 *
 * `send` sends the request, `cancel` takes it back, and `over` is called when nothing more will come.
 */
export function createStream<Item>(send: () => void, cancel: () => void, over: () => void): Stream<Item> {
  let items: Item[] = [];
  let wake = () => {};
  let ended = false;
  let failure: MicroSocketError | undefined;

  function end(error?: MicroSocketError): void {
    if (ended) return;
    ended = true;
    failure = error;
    over();
    wake();
  }

  function stop(error?: MicroSocketError): void {
    items = [];
    failure = undefined;
    if (!ended) cancel();
    end(error);
  }

  async function* read(): AsyncGenerator<Item, undefined> {
    if (!ended) send();
    while (true) {
      if (items.length > 0) yield items.shift() as Item;
      else if (failure) throw failure;
      else if (ended) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  const reader = read();
  // By itself, a generator that waits for an item would not notice that its reader leaves.
  for (const way of ["return", "throw"] as const) {
    const leave = reader[way].bind(reader);
    reader[way] = (value: never) => {
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
          items.push(frame.item as Item);
          wake();
        } else {
          cancel();
          end(new MicroSocketError("overloaded", `The reader is ${MOST_UNREAD} items behind`));
        }
      },
    },
  };
}
