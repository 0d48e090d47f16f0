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
  #bytes: Buffer = Buffer.alloc(0);

  of(logged: LoggedEvent): Buffer {
    if (logged !== this.#event) {
      this.#event = logged;
      this.#bytes = textOf(logged);
    }
    return this.#bytes;
  }
}

function textOf({ event, text }: LoggedEvent): Buffer {
  return Buffer.from(`id: ${event.seq}\ndata: ${text}\n\n`);
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
  /** Events that the reader has missed and that were not made yet; `#later` are those that happened meanwhile. */
  #missed: LoggedEvent[] = [];
  #later: Buffer[] = [];
  #laterBytes = 0;

  constructor(shared: SharedText, isAllowed: () => boolean, onClose: () => void) {
    this.#shared = shared;
    this.#isAllowed = isAllowed;
    this.body = new Readable({
      // What the reader has missed is made as fast as it reads; later events are pushed when they happen.
      read: () => this.#pushMissed(),
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

  /** @param missed events that come first; they may be more than may wait for a slow reader */
  begin(head: string, missed: readonly LoggedEvent[]): void {
    this.body.push(head);
    this.#missed = [...missed];
  }

  beat(): void {
    if (this.#isAllowed()) this.#push(HEARTBEAT);
    else this.end();
  }

  /** Sends what is waiting, and ends the answer. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#missed.length === 0) this.body.push(null);
  }

  /** Call if nothing will be sent. */
  drop(): void {
    this.#ended = true;
    this.body.destroy();
  }

  #pushMissed(): void {
    for (let next = this.#missed.shift(); next !== undefined; next = this.#missed.shift()) {
      if (!this.body.push(textOf(next))) break;
    }
    if (this.#missed.length > 0 || this.#later.length === 0) return;
    for (const bytes of this.#later.splice(0)) this.body.push(bytes);
    this.#laterBytes = 0;
    if (this.#ended) this.body.push(null);
  }

  #push(bytes: Buffer): void {
    if (this.#ended || this.body.destroyed) return;
    if (this.body.readableLength + this.#laterBytes > MAX_UNREAD) this.body.destroy();
    else if (this.#missed.length > 0) {
      this.#later.push(bytes);
      this.#laterBytes += bytes.length;
    } else this.body.push(bytes);
  }
}
