// Gives an answer in bytes that were made before: Node's making and checking of a head costs more than the rest of a playlist's answer.

import { type IncomingMessage, ServerResponse } from 'node:http';
import type { PreparedAnswer } from './prepared-answer.js';

/**
 * The responses of our own server, by the option `ServerResponse` of `http.createServer`. Requests are still read, put in order and
 * timed by Node, which takes up the next one of a connection upon the event `finish`, here as always.
 */
export class PreparedResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  /**
   * Whether the answer may be given in bytes: nothing was written, the answers to earlier requests of the connection were, and
   * it stays open as HTTP/1.1 takes for granted.
   */
  get takesPrepared(): boolean {
    const { req, socket } = this;
    return socket?.writable === true && this.shouldKeepAlive && !this.headersSent && req.httpVersionMinor === 1;
  }

  /** Status 200, whole; no other method that writes may be called before or afterwards. */
  sendPrepared({ pieces: [head, body] }: PreparedAnswer): void {
    const { socket } = this;
    const written = (error?: Error | null): void => {
      // With an error the connection is at its end, and Node tells who listens to this response.
      if (!error) this.emit('finish');
    };
    if (body === undefined) {
      socket?.write(head, written);
      return;
    }
    socket?.cork();
    socket?.write(head);
    socket?.write(body, written);
    socket?.uncork();
  }
}
