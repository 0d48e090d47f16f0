// The ticket in the path of every request for media. A player reads it from the multivariant playlist, which it reads only once: a viewer whose
// token is replaced during playback goes on with the same playlists and another ticket.

import { askServer } from './server-clock.js';

const TICKET = /\/~[^/]+\//;

export class ViewerTicket {
  /** @type {string | undefined} With its slashes; undefined: the one in each address. */
  #renewed;

  /** Takes the ticket from a multivariant playlist that was requested with another token. @param {string} source its URL */
  async renew(source) {
    let text;
    try {
      const response = await askServer(source, { cache: 'no-store' });
      if (!response.ok) return;
      text = await response.text();
    } catch {
      // The ticket in use lasts until its end; whoever reads the stream then notices.
      return;
    }
    const first = text.split(/\r?\n/).find((line) => line !== '' && !line.startsWith('#'));
    this.#renewed = first && TICKET.exec(new URL(first, source).pathname)?.[0];
  }

  /** The multivariant playlist is read again, and brings its ticket. */
  forget() {
    this.#renewed = undefined;
  }

  /** @param {string} url of a playlist or of media */
  in(url) {
    return this.#renewed === undefined ? url : url.replace(TICKET, this.#renewed);
  }
}
