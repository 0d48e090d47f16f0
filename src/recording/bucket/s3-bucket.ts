// The requests to a bucket: each is signed and sent once, and fails with a `BucketFailure`. Bodies are buffers without checksum trailers, because
// several stores refuse streams and trailers (docs/decisions/0023-bucket-client.md).

import { createHash, webcrypto } from 'node:crypto';
import type { AwsV4Signer } from 'aws4fetch';
import type { Clock } from '../../protocols/clock.js';
import type { Milliseconds } from '../../protocols/units.js';
import { BoundedExchanges, type ExchangeAnswer, type ExchangeRequest } from './bounded-exchange.js';
import { type ListedObject, readListPage, readRemovalFailures, renderRemoval } from './bucket-answers.js';
import { BucketFailure, failureOfAnswer, failureOfLine } from './bucket-failure.js';
import { type BucketKeys, type BucketPlace, urlOf } from './bucket-place.js';

export interface S3BucketOptions {
  readonly place: BucketPlace;
  readonly keys: BucketKeys;
  /** Certificates to trust instead of those of Node, as PEM. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
  /** Default: `DEADLINE`. */
  readonly deadline?: Milliseconds;
}

export interface NewObject {
  readonly key: string;
  readonly body: Buffer;
  readonly contentType: string;
  readonly cacheControl: string;
  /** Condition: the object does not exist yet, or has this ETag. */
  readonly onlyIf?: { readonly absent: true } | { readonly etag: string } | undefined;
}

/** Deadline of a request with its answer: long enough for a busy store, short enough to notice a dead one. */
const DEADLINE: Milliseconds = 8_000;

/** A body gets additional time, calculated for 1 Mbit/s, so that uploads over a slow line are not aborted and repeated for ever. */
const SLOWEST_BYTES_PER_MILLISECOND = 125;

/** A page of a thousand keys with their properties has about 0.4 MiB. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;
/** Limit of other answers, which contain only a result. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** DeleteObjects takes up to this many keys. */
const KEYS_PER_REMOVAL = 1000;

interface BucketRequest extends Pick<ExchangeRequest, 'method' | 'body' | 'signal'> {
  readonly key: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Limit of the answer; default: `MAX_ANSWER_BYTES`. */
  readonly maxBytes?: number;
}

export class S3Bucket {
  readonly #options: S3BucketOptions;
  readonly #exchanges: BoundedExchanges;
  /** Signing keys by day; the library adds one a day. */
  readonly #signingKeys = new Map<string, ArrayBuffer>();
  #signer: typeof AwsV4Signer | undefined;

  constructor(options: S3BucketOptions) {
    this.#options = options;
    this.#exchanges = new BoundedExchanges(options.place.endpoint, options.ca);
  }

  /** @returns the ETag, with its quotes */
  async put({ key, body, contentType, cacheControl, onlyIf }: NewObject, signal: AbortSignal): Promise<string> {
    const condition =
      onlyIf === undefined ? {} : 'absent' in onlyIf ? { 'if-none-match': '*' } : { 'if-match': onlyIf.etag };
    const headers = { 'content-type': contentType, 'cache-control': cacheControl, ...condition };
    const answer = await this.#answer({ method: 'PUT', key, body, headers, signal });
    // AWS answers like this, and not with 412, if there is no object whose ETag it could compare.
    if (answer.status === 404 && 'if-match' in condition && !answer.body.includes('NoSuchBucket'))
      throw new BucketFailure('condition', 'the object is not there any more (404)');
    return this.#checked(answer).headers.etag ?? '';
  }

  /** @returns undefined if there is no such object */
  async get(
    key: string,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<{ readonly body: Buffer; readonly etag: string } | undefined> {
    const answer = await this.#sendIfThere({ method: 'GET', key, signal, maxBytes });
    return answer && { body: answer.body, etag: answer.headers.etag ?? '' };
  }

  /** @returns undefined if there is no such object */
  async size(key: string, signal: AbortSignal): Promise<number | undefined> {
    const answer = await this.#sendIfThere({ method: 'HEAD', key, signal });
    return answer && Number(answer.headers['content-length']);
  }

  /** One page of the objects whose key begins with this. */
  async list(
    prefix: string,
    continueAt: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly objects: readonly ListedObject[]; readonly next: string | undefined }> {
    const query = new URLSearchParams({ 'list-type': '2', 'encoding-type': 'url', prefix });
    if (continueAt !== undefined) query.set('continuation-token', continueAt);
    const answer = await this.#send({ method: 'GET', key: '', query: String(query), signal, maxBytes: MAX_LIST_BYTES });
    const page = readListPage(answer.body.toString('utf8'));
    if (page === undefined) throw new BucketFailure('refused', 'the store gave an invalid answer to ListObjectsV2');
    return page;
  }

  /** Missing objects count as removed. */
  async remove(keys: readonly string[], signal: AbortSignal): Promise<void> {
    for (let start = 0; start < keys.length; start += KEYS_PER_REMOVAL) {
      const body = Buffer.from(renderRemoval(keys.slice(start, start + KEYS_PER_REMOVAL)));
      // DeleteObjects requires a digest. Every store supports this one.
      const headers = {
        'content-type': 'application/xml',
        'content-md5': createHash('md5').update(body).digest('base64'),
      };
      const request = { method: 'POST', key: '', query: 'delete=', body, headers, signal } as const;
      const answer = await this.#send({ ...request, maxBytes: MAX_LIST_BYTES });
      const [failed] = readRemovalFailures(answer.body.toString('utf8'));
      if (failed !== undefined) {
        const kind = failed === 'AccessDenied' ? 'refused' : 'passing';
        throw new BucketFailure(kind, `the store does not remove an object (${failed})`);
      }
    }
  }

  close(): void {
    this.#exchanges.close();
  }

  async #sendIfThere(request: BucketRequest): Promise<ExchangeAnswer | undefined> {
    const answer = await this.#answer(request);
    // An answer to HEAD has no body, so it does not show whether the object or the bucket is missing. Callers have stored something before, so the
    // bucket exists.
    if (answer.status === 404 && !answer.body.includes('NoSuchBucket')) return undefined;
    return this.#checked(answer);
  }

  async #send(request: BucketRequest): Promise<ExchangeAnswer> {
    return this.#checked(await this.#answer(request));
  }

  #checked(answer: ExchangeAnswer): ExchangeAnswer {
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw failureOfAnswer(answer, this.#options.clock.wallClock());
  }

  async #answer(request: BucketRequest): Promise<ExchangeAnswer> {
    const { method, key, query = '', headers = {}, body, signal, maxBytes = MAX_ANSWER_BYTES } = request;
    const { place, deadline = DEADLINE } = this.#options;
    const url = urlOf(place, key, query);
    const signed = await this.#signed({ method, url, headers, body });
    const timeout = Math.ceil(deadline + (body?.length ?? 0) / SLOWEST_BYTES_PER_MILLISECOND);
    try {
      return await this.#exchanges.send({ method, url, headers: signed, body, timeout, maxBytes, signal });
    } catch (cause) {
      throw failureOfLine(cause);
    }
  }

  async #signed({
    method,
    url,
    headers,
    body,
  }: Pick<ExchangeRequest, 'method' | 'url' | 'headers' | 'body'>): Promise<Record<string, string>> {
    const { place, keys, clock } = this.#options;
    this.#signer ??= (await import('aws4fetch')).AwsV4Signer;
    // Computed in Node's thread pool, because hashing a segment of some megabytes would block the event loop for milliseconds.
    const digest = await webcrypto.subtle.digest('SHA-256', body ?? new Uint8Array());
    const signer = new this.#signer({
      ...{ method, url: url.href, service: 's3', region: place.region, cache: this.#signingKeys },
      headers: { ...headers, 'x-amz-content-sha256': Buffer.from(digest).toString('hex') },
      accessKeyId: keys.accessKeyId,
      secretAccessKey: keys.secretAccessKey,
      ...(keys.sessionToken !== undefined && { sessionToken: keys.sessionToken }),
      datetime: new Date(clock.wallClock()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    });
    return Object.fromEntries((await signer.sign()).headers);
  }
}
