// Writes the output of a session to its socket, and detects a peer that does not read it.

import type { Socket } from 'node:net';
import type { SluiceError } from '../../protocols/errors.js';
import type { ServerSession } from '../../protocols/rtmp/server-session.js';
import { rtmpServerError } from './errors.js';
import type { ConnectionContext } from './peer.js';

export class SessionOutput {
  readonly #socket: Socket;
  readonly #session: ServerSession;
  readonly #context: ConnectionContext;
  readonly #isPlaying: () => boolean;

  /** @param isPlaying whether the peer gets media */
  constructor(socket: Socket, session: ServerSession, context: ConnectionContext, isPlaying: () => boolean) {
    this.#socket = socket;
    this.#session = session;
    this.#context = context;
    this.#isPlaying = isPlaying;
  }

  /** Bytes that the peer has not read. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** @returns why the connection must be closed: more bytes wait for the peer than are allowed */
  flush(): SluiceError | undefined {
    const buffers = this.#session.takeOutputBuffers();
    if (buffers.length === 0 || this.#socket.destroyed || this.#socket.writableEnded) return undefined;
    const { counters, options } = this.#context;
    // One vectored write. The bodies in it are the publisher's own buffers.
    this.#socket.cork();
    for (const buffer of buffers) {
      counters.bytesSent += buffer.length;
      this.#socket.write(buffer);
    }
    this.#socket.uncork();
    // A player may have one media message waiting in its socket, in addition to unread answers.
    const allowed = options.maxUnsentBytes + (this.#isPlaying() ? options.limits.maxVideoMessageBytes : 0);
    const unsent = this.unsentBytes;
    if (unsent <= allowed) return undefined;
    const text = `${unsent} bytes wait for the peer to read, expected at most ${allowed}`;
    return rtmpServerError('rtmp-server.peer-not-reading', text);
  }
}
