// Publishers send many small packets, and Node allocates for each read: one buffer for all sockets leaves the collector nothing to do.

import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** As much as Node reads at once by itself. */
const READ_BYTES = 65_536;

/** What an accepted socket is a shell of; Node documents `onread` for sockets that are made, not for those that a server accepts. */
interface Accepted {
  _handle?: { useUserBuffer?: unknown } | null;
}

/** The memory that all plain sockets of a server read into, one after the other. */
export class ReadBuffer {
  readonly #memory = Buffer.allocUnsafeSlow(READ_BYTES);

  /**
   * @param accepted by a server with `pauseOnConnect`, and nobody's yet. It is replaced, and must not be used again.
   * @returns the connection, whose `data` events carry views of this memory: they are true until the listener returns. A
   *   connection whose inside is not as it is known reads into memory of its own.
   */
  adopt(accepted: Socket): Socket {
    const shell = accepted as unknown as Accepted;
    const handle = shell._handle;
    if (typeof handle?.useUserBuffer !== 'function') return accepted.resume();
    shell._handle = null;
    accepted.destroy();
    const memory = this.#memory;
    const options: SocketConstructorOpts & { readonly handle: unknown; readonly onread: OnReadOpts } = {
      handle,
      onread: {
        buffer: memory,
        callback: (length: number): boolean => {
          socket.emit('data', memory.subarray(0, length));
          return true;
        },
      },
    };
    const socket: Socket = new Socket(options);
    return socket;
  }
}
