// A hostile RTMP client: it writes any given bytes, from any loopback address, and only observes the answers.
import { connect, type Socket } from 'node:net';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { type AmfValue, amfObject } from '../../src/protocols/amf/values.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { basicHeader, messageHeader, u32, WireWriter } from '../../test/protocols/rtmp/wire-writer.js';

export { basicHeader, messageHeader, u32 };

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What an encoder sends first: C0, a C1 without a signature, and a C2 that echoes nothing. */
export const HANDSHAKE = Buffer.alloc(1 + 2 * 1536, 0x55);
HANDSHAKE[0] = 3;
HANDSHAKE.fill(0, 1, 9);

/** Message types of RTMP 1.0. */
export const TYPE = { audio: 8, video: 9, data3: 15, command3: 17, data: 18, command: 20, aggregate: 22 } as const;

/** Distinct loopback addresses, so that more than the limit per address is tested. */
export function address(index: number): string {
  return `127.${16 + ((index >> 14) & 127)}.${(index >> 7) & 127}.${1 + (index & 127)}`;
}

const TAIL_BYTES = 4096;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** @returns false if the time is over first */
export async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const result = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return result;
}

export class Peer {
  readonly socket: Socket;
  readonly writer = new WireWriter();
  readonly closed: Promise<void>;
  isClosed = false;
  bytesRead = 0;
  /** False if the connection was refused at once. */
  #connected = false;
  #tail = '';
  readonly #watchers = new Set<() => void>();

  constructor(target: Target, { from, reads = true }: { from?: string; reads?: boolean } = {}) {
    this.socket = connect({ ...target, noDelay: true, ...(from !== undefined && { localAddress: from }) });
    this.socket.on('connect', () => {
      this.#connected = true;
    });
    if (reads) {
      this.socket.on('data', (bytes) => {
        this.bytesRead += bytes.length;
        this.#tail += bytes.toString('latin1');
        for (const watch of this.#watchers) watch();
        this.#tail = this.#tail.slice(-TAIL_BYTES);
      });
    }
    // Many of these connections end with a reset; only their end matters.
    this.socket.on('error', () => this.socket.destroy());
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.isClosed = true;
        for (const watch of this.#watchers) watch();
        resolve();
      });
    });
  }

  get wasConnected(): boolean {
    return this.#connected;
  }

  get tail(): string {
    return this.#tail;
  }

  /** Writes, and waits while the gateway does not read. @returns false if the connection is over */
  async write(bytes: Buffer): Promise<boolean> {
    if (this.isClosed || this.socket.destroyed || this.socket.writableEnded) return false;
    if (this.socket.write(bytes)) return true;
    await Promise.race([new Promise<void>((resolve) => this.socket.once('drain', () => resolve())), this.closed]);
    return !this.isClosed;
  }

  /** Like `write`, but with a time limit: a gateway may rightly stop reading. */
  async writeWithin(bytes: Buffer, ms: number): Promise<boolean> {
    return (await within(this.write(bytes), ms)) && !this.isClosed;
  }

  message(type: number, body: Buffer, { timestamp = 0, messageStreamId = 1, chunkStreamId = 6 } = {}): Buffer {
    return this.writer.message({ chunkStreamId, timestamp, type, messageStreamId, body });
  }

  commandBytes(name: string, transactionId: number, values: AmfValue[] = [null], messageStreamId = 0): Buffer {
    const body = encodeAmf0([name, transactionId, ...values]);
    return this.message(TYPE.command, body, { messageStreamId, chunkStreamId: 3 });
  }

  /** A valid Set Chunk Size. */
  chunkSizeBytes(size: number): Buffer {
    const bytes = this.message(1, u32(size), { messageStreamId: 0, chunkStreamId: 2 });
    this.writer.chunkSize = size;
    return bytes;
  }

  connectBytes(port: number): Buffer {
    const command = amfObject([
      ['app', 'live'],
      ['flashVer', 'FMLE/3.0'],
      ['tcUrl', `rtmp://127.0.0.1:${port}/live`],
    ]);
    return Buffer.concat([HANDSHAKE, this.commandBytes('connect', 1, [command]), this.chunkSizeBytes(4096)]);
  }

  publishBytes(port: number, streamKey: string): Buffer {
    return Buffer.concat([
      this.connectBytes(port),
      this.commandBytes('createStream', 2),
      this.commandBytes('publish', 3, [null, streamKey, 'live'], 1),
    ]);
  }

  playBytes(port: number, name: string): Buffer {
    return Buffer.concat([
      this.connectBytes(port),
      this.commandBytes('createStream', 2),
      this.commandBytes('play', 0, [null, name], 1),
    ]);
  }

  tag({ type, body }: Pick<FlvTag, 'type' | 'body'>, timestamp: number): Buffer {
    if (type === 'script') {
      const name = encodeAmf0(['@setDataFrame']);
      return this.message(TYPE.data, Buffer.concat([name, body]), { timestamp: timestamp >>> 0, chunkStreamId: 4 });
    }
    const video = type === 'video';
    const chunkStreamId = video ? 6 : 4;
    return this.message(video ? TYPE.video : TYPE.audio, body, { timestamp: timestamp >>> 0, chunkStreamId });
  }

  /** @returns whether this text came within the time and before the end of the connection */
  async hears(text: string, ms = 10_000): Promise<boolean> {
    let watch: () => void = () => undefined;
    let heard = false;
    const settled = new Promise<void>((resolve) => {
      watch = () => {
        heard ||= this.#tail.includes(text);
        if (this.isClosed || heard) resolve();
      };
      this.#watchers.add(watch);
      watch();
    });
    await within(settled, ms);
    this.#watchers.delete(watch);
    return heard;
  }

  /** Hangs up as encoders do, then destroys the socket. */
  async hangUp(ms = 1000): Promise<void> {
    if (this.isClosed) return;
    this.socket.end();
    this.socket.resume();
    await within(this.closed, ms);
    this.socket.destroy();
    await this.closed;
  }

  /** @returns whether the gateway ended it in time */
  async endedWithin(ms: number): Promise<boolean> {
    this.socket.resume();
    return within(this.closed, ms);
  }
}
