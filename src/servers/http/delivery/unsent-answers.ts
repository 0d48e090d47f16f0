// One budget for all memory that answers hold which nobody has read yet, and one for each address: over it the answer that waits
// longest is cut off, of the address that holds the most, so that who reads is never the one to pay.

import { addressGroup } from '../../../protocols/address-group.js';
import { cutOff, type RawResponse } from './exchange.js';
import { SharedMemory } from './shared-memory.js';

export interface UnsentLimits {
  /** Bytes in all. */
  readonly maxBytes: number;
  /** Bytes of one address. One answer it may always have. */
  readonly maxBytesPerAddress: number;
}

export const DEFAULT_UNSENT_LIMITS: UnsentLimits = {
  maxBytes: 256 * 1024 * 1024,
  maxBytesPerAddress: 64 * 1024 * 1024,
};

/** What an answer holds besides its body: request, response and what belongs to them. */
const ANSWER_BYTES = 4 * 1024;

export interface UnsentMemory {
  /** A body in memory, which all who are sent it share. */
  readonly shared?: Buffer | undefined;
  /** Bytes of its own. */
  readonly own?: number | undefined;
}

interface Unsent {
  readonly response: RawResponse;
  readonly client: Client;
  readonly memory: UnsentMemory;
}

/** All addresses of one party; one for all whose address is not known, which are bounded in all only. */
interface Client {
  readonly group: string | undefined;
  /** The oldest first. */
  readonly answers: Set<Unsent>;
  readonly memory: SharedMemory;
}

export class UnsentAnswers {
  readonly #limits: UnsentLimits;
  readonly #clients = new Map<string | undefined, Client>();
  readonly #memory = new SharedMemory();
  /** Answers cut off since the start, because one address had too many bytes unread or all together had. */
  readonly cut = { address: 0, total: 0 };

  readonly #onCut: (limit: 'address' | 'total') => void;

  /** @param onCut told of each answer that is cut off, by which limit */
  constructor(limits: UnsentLimits, onCut: (limit: 'address' | 'total') => void) {
    this.#limits = limits;
    this.#onCut = onCut;
  }

  /** Bytes held. What several answers share counts once. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  /** Takes an answer whose bytes the kernel did not take at once, until it is sent or its client has left. */
  hold(response: RawResponse, address: string | undefined, memory: UnsentMemory): void {
    const group = address === undefined ? undefined : addressGroup(address);
    const client = this.#client(group);
    const unsent = { response, client, memory };
    client.answers.add(unsent);
    client.memory.add(memory.shared, ANSWER_BYTES + (memory.own ?? 0));
    this.#memory.add(memory.shared, ANSWER_BYTES + (memory.own ?? 0));
    const done = (): void => this.#release(unsent);
    response.once('finish', done).once('close', done);
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
    if (first === undefined) throw new TypeError('nobody holds anything');
    return others.reduce((most, client) => (client.memory.bytes > most.memory.bytes ? client : most), first);
  }

  #cutOldest({ answers }: Client, limit: 'address' | 'total'): void {
    const [oldest] = answers;
    if (oldest === undefined) throw new TypeError('a client without answers is not remembered');
    this.#release(oldest);
    this.cut[limit]++;
    this.#onCut(limit);
    cutOff(oldest.response);
  }

  #release(unsent: Unsent): void {
    const { client, memory } = unsent;
    if (!client.answers.delete(unsent)) return;
    client.memory.remove(memory.shared, ANSWER_BYTES + (memory.own ?? 0));
    this.#memory.remove(memory.shared, ANSWER_BYTES + (memory.own ?? 0));
    if (client.answers.size === 0) this.#clients.delete(client.group);
  }
}
