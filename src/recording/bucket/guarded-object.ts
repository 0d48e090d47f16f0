// An object that one gateway at a time may write: each PUT is on condition that nobody else has changed it (If-Match, If-None-Match). A gateway
// that was thought dead, and whose stream another one has taken over, learns of it here.

import type { BucketFailure } from './bucket-failure.js';
import type { BucketLine } from './bucket-line.js';
import type { ObjectHeaders } from './object-headers.js';
import type { S3Bucket } from './s3-bucket.js';

/** Another process writes what this one writes. */
export class TakenOver extends Error {
  override readonly name = 'TakenOver';
}

/** Shared by all objects of a store: some do not know conditions. */
export interface Conditions {
  /** Undefined while they are believed to be known. */
  unsupported: BucketFailure | undefined;
  readonly onUnsupported: (failure: BucketFailure) => void;
}

/** A live playlist of some hundred segments is 30 kB. */
const MAX_BYTES = 1024 * 1024;

export class GuardedObject {
  readonly #key: string;
  readonly #bucket: S3Bucket;
  readonly #line: BucketLine;
  readonly #conditions: Conditions;
  /** Of the newest version that is known; undefined if there is no object. */
  #etag: string | undefined;
  /** Texts that were sent without an answer since the last known version: one of them may be there. */
  #sent: Buffer[] = [];

  constructor(key: string, bucket: S3Bucket, line: BucketLine, conditions: Conditions) {
    this.#key = key;
    this.#bucket = bucket;
    this.#line = line;
    this.#conditions = conditions;
  }

  /** Takes it over as it is now. @returns its text */
  async open(): Promise<string | undefined> {
    const found = await this.#read();
    this.#etag = found?.etag;
    return found?.body.toString('utf8');
  }

  /** @throws {TakenOver}; what `BucketLine.persist` throws */
  async put(body: Buffer, headers: ObjectHeaders): Promise<void> {
    this.#sent.push(body);
    const isConditional = this.#onlyIf !== undefined;
    try {
      await this.#line.persist('write', async (signal) => {
        this.#etag = await this.#bucket.put({ key: this.#key, body, ...headers, onlyIf: this.#onlyIf }, signal);
      });
    } catch (cause) {
      const kind = cause instanceof Error && 'kind' in cause ? (cause as BucketFailure).kind : undefined;
      if (kind === 'unsupported' && isConditional) {
        if (this.#conditions.unsupported === undefined) this.#conditions.onUnsupported(cause as BucketFailure);
        this.#conditions.unsupported = cause as BucketFailure;
        return this.put(body, headers);
      }
      if (kind !== 'condition') throw cause;
      await this.#recognise(body, headers);
    }
    this.#sent = [];
  }

  /** Whether nobody else has written it since. */
  async isOurs(): Promise<boolean> {
    return (await this.#read())?.etag === this.#etag;
  }

  get #onlyIf(): { readonly absent: true } | { readonly etag: string } | undefined {
    if (this.#conditions.unsupported !== undefined || this.#etag === '') return undefined;
    return this.#etag === undefined ? { absent: true } : { etag: this.#etag };
  }

  /** An attempt whose answer was lost may have been carried out: then what is there is ours. */
  async #recognise(body: Buffer, headers: ObjectHeaders): Promise<void> {
    const found = await this.#read();
    if (found !== undefined && !this.#sent.some((sent) => sent.equals(found.body)))
      throw new TakenOver(`${this.#key} was written by another process`);
    this.#etag = found?.etag;
    if (found?.body.equals(body) !== true) return this.put(body, headers);
  }

  #read(): Promise<{ readonly body: Buffer; readonly etag: string } | undefined> {
    return this.#line.persist('write', (signal) => this.#bucket.get(this.#key, MAX_BYTES, signal));
  }
}
