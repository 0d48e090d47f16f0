// An encoder for tests: it exchanges bytes with a ServerSession and reads the answers with a decoder of its own.

import { decodeAmf0 } from '../../../src/protocols/amf/amf0-decoder.js';
import { encodeAmf0 } from '../../../src/protocols/amf/amf0-encoder.js';
import { type AmfValue, amfObject, amfProperties } from '../../../src/protocols/amf/values.js';
import { ChunkDecoder } from '../../../src/protocols/rtmp/chunk-decoder.js';
import { DEFAULT_RTMP_LIMITS } from '../../../src/protocols/rtmp/limits.js';
import type { RawMessage } from '../../../src/protocols/rtmp/messages.js';
import { ServerSession, type ServerSessionOptions } from '../../../src/protocols/rtmp/server-session.js';
import type { SessionEvent } from '../../../src/protocols/rtmp/session-event.js';
import { WireWriter } from './wire-writer.js';

export const HANDSHAKE_BYTES = 1 + 1536 + 1536;

/** C0, a C1 without a signature, and a C2 that echoes nothing. */
export function plainHandshake(): Buffer {
  const bytes = Buffer.alloc(HANDSHAKE_BYTES, 0x55);
  bytes[0] = 3;
  bytes.fill(0, 1, 9);
  return bytes;
}

export interface Answer {
  readonly name: string;
  readonly transactionId: number;
  readonly values: readonly AmfValue[];
  readonly messageStreamId: number;
  readonly chunkStreamId: number;
}

export class TestPeer {
  readonly session: ServerSession;
  readonly writer = new WireWriter();
  readonly events: SessionEvent[] = [];
  /** Everything after S2. */
  readonly answers: RawMessage[] = [];
  /** S0, S1 and S2. */
  handshakeAnswer = Buffer.alloc(0);
  /** Whether publish requests are accepted immediately. */
  accepts = true;
  /** Whether play requests are accepted immediately. */
  acceptsPlays = true;
  #decoder = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
  #commandTime = 0;

  constructor(options: Partial<ServerSessionOptions> = {}) {
    this.session = new ServerSession(options);
  }

  /** Gives the session bytes, takes all events and all output. */
  send(...buffers: Buffer[]): this {
    for (const bytes of buffers) {
      this.session.receive(bytes);
      this.settle();
    }
    return this;
  }

  settle(): this {
    for (let event = this.session.nextEvent(); event !== undefined; event = this.session.nextEvent()) {
      this.events.push(event);
      if (event.type === 'publish-request' && this.accepts) this.session.accept(event.messageStreamId);
      if (event.type === 'play-request' && this.acceptsPlays) this.session.acceptPlay(event.messageStreamId);
    }
    this.#read(this.session.takeOutput());
    return this;
  }

  #read(output: Buffer | undefined): void {
    if (output === undefined) return;
    const missing = HANDSHAKE_BYTES - this.handshakeAnswer.length;
    this.handshakeAnswer = Buffer.concat([this.handshakeAnswer, output.subarray(0, missing)]);
    this.#decoder.push(output.subarray(missing));
    for (let message = this.#decoder.next(); message !== undefined; message = this.#decoder.next()) {
      this.answers.push(message);
    }
  }

  handshake(): this {
    return this.send(plainHandshake());
  }

  commandBytes(name: string, transactionId: number, values: AmfValue[] = [null], messageStreamId = 0): Buffer {
    const body = encodeAmf0([name, transactionId, ...values]);
    return this.writer.message({ chunkStreamId: 3, timestamp: this.#commandTime, type: 20, messageStreamId, body });
  }

  command(name: string, transactionId: number, values: AmfValue[] = [null], messageStreamId = 0): this {
    return this.send(this.commandBytes(name, transactionId, values, messageStreamId));
  }

  connect(properties: [string, AmfValue][] = [['app', 'live']]): this {
    return this.handshake().connectOnly(properties);
  }

  /** Connects without the handshake. */
  connectOnly(properties: [string, AmfValue][] = [['app', 'live']]): this {
    return this.command('connect', 1, [amfObject(properties)]);
  }

  /** Sends everything up to and including a publish command. */
  publish(name: AmfValue = 'name', properties?: [string, AmfValue][]): this {
    return this.connect(properties).command('createStream', 2).command('publish', 3, [null, name, 'live'], 1);
  }

  /** Sends everything up to and including a play command. */
  play(name: AmfValue = 'name', ...rest: AmfValue[]): this {
    return this.connect()
      .command('createStream', 2)
      .command('play', 0, [null, name, ...rest], 1);
  }

  message(type: number, body: Buffer, { timestamp = 0, messageStreamId = 1, chunkStreamId = 6 } = {}): this {
    return this.send(this.writer.message({ chunkStreamId, timestamp, type, messageStreamId, body }));
  }

  control(type: number, body: Buffer): this {
    return this.message(type, body, { messageStreamId: 0, chunkStreamId: 2 });
  }

  /** The command answers, decoded, in order. */
  get commands(): Answer[] {
    return this.answers
      .filter((answer) => answer.type === 20)
      .map(({ body, messageStreamId, chunkStreamId }) => {
        const [name, transactionId, ...values] = decodeAmf0(body);
        return { name: String(name), transactionId: Number(transactionId), values, messageStreamId, chunkStreamId };
      });
  }

  /** The information objects of all `onStatus` and `_error` answers. */
  get statuses(): { code: unknown; level: unknown; description: unknown; messageStreamId: number }[] {
    return this.commands
      .filter(({ name }) => name === 'onStatus' || name === '_error')
      .map(({ values, messageStreamId }) => {
        const information = amfProperties(values[1]);
        return {
          code: information?.get('code'),
          level: information?.get('level'),
          description: information?.get('description'),
          messageStreamId,
        };
      });
  }

  eventsOf<T extends SessionEvent['type']>(type: T): Extract<SessionEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<SessionEvent, { type: T }> => event.type === type);
  }

  get closedWith(): string | undefined {
    return this.eventsOf('closed')[0]?.error?.code;
  }
}
