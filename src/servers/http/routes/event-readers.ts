// The connections of event readers: they share the text of events, and the memory for each is limited.

import { Readable } from 'node:stream';
import type { LoggedEvent } from '../../../contracts/timed-event.js';

/** Limit of the bytes that wait for a slow reader. Beyond it, the connection is closed, and the reader may reconnect with its last event id. */
const MAX_UNREAD = 256 * 1024;
const MAX_READERS = 10_000;
const MAX_READERS_PER_ADDRESS = 256;

export class EventReaders {
  readonly #open = new Set<ServerSentEvents>();
  readonly #ofAddress = new Map<string, number>();
  /** The text of the newest event, which is made once for all readers. */
  readonly #shared = new SharedText();

  /**
   * @param address addresses of one party share a limit
   * @param isAllowed called again at each heartbeat
   * @returns undefined if there are too many
   */
  open(address: string, isAllowed: () => boolean): ServerSentEvents | undefined {
    const count = this.#ofAddress.get(address) ?? 0;
    if (this.#open.size >= MAX_READERS || count >= MAX_READERS_PER_ADDRESS) return undefined;
    this.#ofAddress.set(address, count + 1);
    const reader = new ServerSentEvents(this.#shared, isAllowed, () => {
      this.#open.delete(reader);
      const left = (this.#ofAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#ofAddress.set(address, left);
      else this.#ofAddress.delete(address);
    });
    this.#open.add(reader);
    return reader;
  }

  beat(): void {
    for (const reader of [...this.#open]) reader.beat();
  }

  close(): void {
    for (const reader of [...this.#open]) reader.end();
  }
}

class SharedText {
  #event: LoggedEvent | undefined;
  #bytes = Buffer.alloc(0);

  of(logged: LoggedEvent): Buffer {
    if (logged !== this.#event) {
      this.#event = logged;
      this.#bytes = Buffer.from(`id: ${logged.event.seq}\ndata: ${logged.text}\n\n`);
    }
    return this.#bytes;
  }
}

const HEARTBEAT = Buffer.from(':\n\n');
const END = Buffer.from('event: end\ndata: {}\n\n');

/** The answer to one reader. */
class ServerSentEvents {
  readonly body: Readable;
  onClose: () => void = () => undefined;
  readonly #shared: SharedText;
  readonly #isAllowed: () => boolean;
  #ended = false;

  constructor(shared: SharedText, isAllowed: () => boolean, onClose: () => void) {
    this.#shared = shared;
    this.#isAllowed = isAllowed;
    this.body = new Readable({
      // Nothing is made on request: events are pushed when they happen.
      read: () => undefined,
      destroy: (error, callback) => {
        onClose();
        this.onClose();
        callback(error);
      },
    });
  }

  send(logged: LoggedEvent): void {
    this.#push(this.#shared.of(logged));
  }

  /** Call when the stream has ended. */
  sendEnd(): void {
    this.#push(END);
    this.end();
  }

  text(text: string): void {
    this.#push(Buffer.from(text));
  }

  beat(): void {
    if (this.#isAllowed()) this.#push(HEARTBEAT);
    else this.end();
  }

  /** Sends what is waiting, and ends the answer. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.body.push(null);
  }

  /** Call if nothing will be sent. */
  drop(): void {
    this.#ended = true;
    this.body.destroy();
  }

  #push(bytes: Buffer): void {
    if (this.#ended || this.body.destroyed) return;
    if (this.body.readableLength > MAX_UNREAD) this.body.destroy();
    else this.body.push(bytes);
  }
}
