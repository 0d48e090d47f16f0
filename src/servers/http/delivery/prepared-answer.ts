// An answer as the bytes of HTTP/1.1, made once a second for all who get it: nothing but its date changes.

import { validateHeaderValue } from 'node:http';
import { KEEP_ALIVE_TIMEOUT } from '../connections.js';

/** Up to here head and body are kept joined; of larger bodies a copy would cost more than a second buffer to write. */
const MAX_JOINED_BYTES = 64 * 1024;

/** After the headers of the answer, in the words and the order of Node's own. */
const CONNECTION = `Connection: keep-alive\r\nKeep-Alive: timeout=${KEEP_ALIVE_TIMEOUT / 1000}\r\n\r\n`;

/** To be written one after the other. A single piece is all of the answer. */
export type Pieces = readonly [head: Buffer, body?: Buffer];

export class PreparedAnswer {
  /** Without the date, and what follows it. */
  readonly #head: string;
  readonly #body: Buffer;
  #pieces: Pieces | undefined;
  /** Of `#pieces`. */
  #date = '';

  /**
   * @param headers flat names and values, with Content-Length
   * @throws {TypeError} of a value that would end its line
   */
  constructor(headers: readonly string[], body: Buffer) {
    let head = 'HTTP/1.1 200 OK\r\n';
    for (let index = 1; index < headers.length; index += 2) {
      const [name = '', value = ''] = headers.slice(index - 1);
      validateHeaderValue(name, value);
      head += `${name}: ${value}\r\n`;
    }
    this.#head = head;
    this.#body = body;
  }

  get pieces(): Pieces {
    const date = currentDate();
    if (this.#pieces !== undefined && this.#date === date) return this.#pieces;
    const head = Buffer.from(`${this.#head}Date: ${date}\r\n${CONNECTION}`, 'latin1');
    this.#pieces = this.#body.length > MAX_JOINED_BYTES ? [head, this.#body] : [Buffer.concat([head, this.#body])];
    this.#date = date;
    return this.#pieces;
  }
}

let second = 0;
let dateOfSecond = '';

/** RFC 9110 section 5.6.7; the same string for a second. */
function currentDate(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    dateOfSecond = new Date(now * 1000).toUTCString();
  }
  return dateOfSecond;
}
