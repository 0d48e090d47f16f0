// Bounds the memory that unread answers hold, in total and per address. If a limit is exceeded, the oldest answer is cut off: of the same
// address, or of the address that holds the most. Before the total limit is reached, HTTP/2 connections with many unread answers are
// closed. So clients that do read are not affected.

import { constants, type Http2Session } from 'node:http2';
import { addressGroup } from '../../../protocols/address-group.js';
import type { FailureDomain } from '../../../protocols/failure-domain.js';
import { cutOff, type RawResponse } from './exchange.js';

export interface UnreadLimits {
  /** Bytes for all addresses together. */
  readonly maxBytes: number;
  /** Bytes for one address. A single answer is always allowed. */
  readonly maxBytesPerAddress: number;
}

export const DEFAULT_UNREAD_LIMITS: UnreadLimits = {
  maxBytes: 256 * 1024 * 1024,
  maxBytesPerAddress: 64 * 1024 * 1024,
};

/** Memory of an answer besides its body: the request, the response and their objects. */
const ANSWER_BYTES = 4 * 1024;
/** Additional memory in HTTP/2, whose streams are objects too: 10 kB were measured with a playlist of 1.5 kB. */
const STREAM_BYTES = 8 * 1024;

/**
 * When this share of the total is in use, HTTP/2 connections with more unread answers than `MAX_ANSWERS_WHEN_PRESSED` are closed. Cutting
 * off single answers would not be enough: the client could make 128 more requests at once, and V8 frees the memory of closed streams late.
 */
const PRESSED_FROM = 1 / 16;
const MAX_ANSWERS_WHEN_PRESSED = 16;

/** `connection` applies to HTTP/2: a connection with many unread answers is closed while a large share of the total is in use. */
export type UnreadLimit = 'address' | 'connection' | 'total';

export interface UnreadMemory {
  /** A body in memory that several answers share. */
  readonly shared?: Buffer | undefined;
  /** Bytes that no other answer shares. */
  readonly own?: number | undefined;
}

interface Unread {
  readonly response: RawResponse;
  readonly client: Client;
  /** The HTTP/2 session; undefined for HTTP/1.1. */
  readonly session: Http2Session | undefined;
  readonly memory: UnreadMemory;
  readonly bytes: number;
}

/** One party, with all its addresses. All clients with an unknown address count as one party, to which only the total limit applies. */
interface Client {
  readonly group: string | undefined;
  /** Oldest first. */
  readonly answers: Set<Unread>;
  readonly memory: SharedMemory;
}

export class UnreadAnswers {
  readonly #limits: UnreadLimits;
  readonly #clients = new Map<string | undefined, Client>();
  readonly #memory = new SharedMemory();
  /** Number of answers of each HTTP/2 connection. */
  readonly #ofSession = new Map<Http2Session, number>();
  /** Number of answers cut off since the start, by limit. For `connection`, the number of connections. */
  readonly cut: Record<UnreadLimit, number> = { address: 0, connection: 0, total: 0 };

  readonly #onCut: (limit: UnreadLimit) => void;
  readonly #domain: FailureDomain;

  /**
   * @param onCut called for each answer that is cut off.
   * @param domain handles the ends of answers
   */
  constructor(limits: UnreadLimits, onCut: (limit: UnreadLimit) => void, domain: FailureDomain) {
    this.#domain = domain;
    this.#limits = limits;
    this.#onCut = onCut;
  }

  /** Number of bytes held. Memory that several answers share counts once. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  /**
   * Counts an answer that the kernel did not take at once, until it has been sent or its client has left.
   * @param isOfProxy whether the connection belongs to a trusted proxy and carries many clients
   */
  hold(response: RawResponse, address: string | undefined, memory: UnreadMemory, isOfProxy = false): void {
    const group = address === undefined ? undefined : addressGroup(address);
    const client = this.#client(group);
    const session = 'stream' in response ? response.stream.session : undefined;
    const bytes = (session === undefined ? ANSWER_BYTES : STREAM_BYTES) + (memory.own ?? 0);
    const unread = { response, client, session, memory, bytes };
    client.answers.add(unread);
    client.memory.add(memory.shared, bytes);
    this.#memory.add(memory.shared, bytes);
    if (session !== undefined) this.#ofSession.set(session, (this.#ofSession.get(session) ?? 0) + 1);
    const done = this.#domain.guard('unread answer done', () => this.#release(unread));
    response.once('finish', done).once('close', done);
    if (session !== undefined && !isOfProxy) this.#closeGreedy(session);
    this.#keepWithin(client);
  }

  #client(group: string | undefined): Client {
    let client = this.#clients.get(group);
    if (client === undefined) {
      client = { group, answers: new Set(), memory: new SharedMemory() };
      this.#clients.set(group, client);
    }
    return client;
  }

  #closeGreedy(session: Http2Session): void {
    const isPressed = this.#memory.bytes > this.#limits.maxBytes * PRESSED_FROM;
    if (!isPressed || session.destroyed || (this.#ofSession.get(session) ?? 0) <= MAX_ANSWERS_WHEN_PRESSED) return;
    this.cut.connection++;
    this.#onCut('connection');
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #keepWithin(client: Client): void {
    const { maxBytes, maxBytesPerAddress } = this.#limits;
    while (client.group !== undefined && client.memory.bytes > maxBytesPerAddress && client.answers.size > 1) {
      this.#cutOldest(client, 'address');
    }
    while (this.#memory.bytes > maxBytes) {
      this.#cutOldest(this.#greediest(), 'total');
    }
  }

  #greediest(): Client {
    const [first, ...others] = this.#clients.values();
    if (first === undefined) throw new TypeError('the limit is exceeded, but no client holds an answer');
    return others.reduce((most, client) => (client.memory.bytes > most.memory.bytes ? client : most), first);
  }

  #cutOldest({ answers }: Client, limit: 'address' | 'total'): void {
    const [oldest] = answers;
    if (oldest === undefined) throw new TypeError('expected a client with at least one answer');
    this.#release(oldest);
    this.cut[limit]++;
    this.#onCut(limit);
    cutOff(oldest.response);
  }

  #release(unread: Unread): void {
    const { client, session, memory, bytes } = unread;
    if (!client.answers.delete(unread)) return;
    client.memory.remove(memory.shared, bytes);
    this.#memory.remove(memory.shared, bytes);
    if (session !== undefined) {
      const others = (this.#ofSession.get(session) ?? 1) - 1;
      if (others > 0) this.#ofSession.set(session, others);
      else this.#ofSession.delete(session);
    }
    if (client.answers.size === 0) this.#clients.delete(client.group);
  }
}

/** Adds up memory that several holders may share: shared memory counts once, as long as anybody holds it. */
export class SharedMemory {
  /** Number of holders of each memory block. A view of one byte keeps the whole block in memory. */
  readonly #holders = new Map<ArrayBufferLike, number>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** @param own number of bytes that no other holder shares */
  add(shared: Buffer | undefined, own: number): void {
    this.#bytes += own;
    if (shared === undefined) return;
    const holders = this.#holders.get(shared.buffer) ?? 0;
    if (holders === 0) this.#bytes += shared.buffer.byteLength;
    this.#holders.set(shared.buffer, holders + 1);
  }

  /** Undoes one `add` with the same arguments. */
  remove(shared: Buffer | undefined, own: number): void {
    this.#bytes -= own;
    if (shared === undefined) return;
    const holders = (this.#holders.get(shared.buffer) ?? 1) - 1;
    if (holders > 0) {
      this.#holders.set(shared.buffer, holders);
      return;
    }
    this.#holders.delete(shared.buffer);
    this.#bytes -= shared.buffer.byteLength;
  }
}
