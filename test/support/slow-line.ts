// A simulated network line between a player and a server: a TCP proxy with delay, jitter and a rate limit, because not every kernel can do that.
import { connect, createServer, type Socket } from 'node:net';

export interface LineOptions {
  /** Round-trip time in milliseconds. */
  readonly roundTrip: number;
  /** Largest random additional delay to the player, in milliseconds. Bytes never overtake each other. */
  readonly jitter?: number;
  /** Rate to the player, shared by all connections, in bits per second. Default: unlimited. */
  readonly rate?: number;
}

export interface Line {
  readonly port: number;
  /** Bytes sent to the player so far. */
  readonly bytes: number;
  close(): Promise<void>;
}

/** About the size of a packet: connections take turns after this many bytes. */
const PACKET = 4_096;

/** Limit of the bytes of one connection on the line. Beyond it the server is not read, like with a full TCP window. */
const WINDOW = 256 * 1024;

/** Opens a line to a port of this machine. */
export async function openLine(target: number, options: LineOptions): Promise<Line> {
  const { roundTrip, jitter = 0, rate = Number.POSITIVE_INFINITY } = options;
  // The same jitter in every run: a linear congruential generator.
  let seed = 1;
  const random = (): number => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return seed / 2 ** 32;
  };
  const sockets = new Set<Socket>();
  const state = { bytes: 0, freeAt: 0 };
  const oneWay = roundTrip / 2;

  /** Forwards bytes from `from` to `to` at the time that `dueOf` returns. */
  const carry = (from: Socket, to: Socket, dueOf: (bytes: number, now: number) => number): void => {
    const queue: { readonly due: number; readonly act: () => void }[] = [];
    let underWay = 0;
    // One timer for all, because timers that are due at almost the same time may fire in any order.
    const deliver = (): void => {
      for (let [first] = queue; first !== undefined; [first] = queue) {
        const rest = first.due - performance.now();
        if (rest > 0) {
          setTimeout(deliver, rest);
          return;
        }
        queue.shift();
        first.act();
      }
    };
    const later = (due: number, act: () => void): void => {
      queue.push({ due: Math.max(due, queue.at(-1)?.due ?? 0), act });
      if (queue.length === 1) setTimeout(deliver, due - performance.now());
    };
    from.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; at += PACKET) {
        const packet = chunk.subarray(at, at + PACKET);
        underWay += packet.length;
        later(dueOf(packet.length, performance.now()), () => {
          underWay -= packet.length;
          if (!to.destroyed) to.write(packet);
          if (underWay < WINDOW) from.resume();
        });
      }
      if (underWay >= WINDOW) from.pause();
    });
    from.on('end', () => later(performance.now() + oneWay, () => to.end()));
    from.on('error', () => to.destroy());
    from.on('close', () => sockets.delete(from));
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (player) => {
    const origin = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true, noDelay: true });
    for (const socket of [player, origin]) sockets.add(socket);
    // Opening a connection takes one round trip before the first request can be sent.
    const opened = performance.now() + roundTrip;
    carry(player, origin, (_, now) => Math.max(opened, now) + oneWay);
    carry(origin, player, (bytes, now) => {
      state.bytes += bytes;
      state.freeAt = Math.max(state.freeAt, now) + (bytes * 8_000) / rate;
      return state.freeAt + oneWay + random() * jitter;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the line has no port');
  return {
    port: address.port,
    get bytes() {
      return state.bytes;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
