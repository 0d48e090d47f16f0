// The public keys that verify JWTs (JWKS, RFC 7517). They are fetched again when a token names an unknown key, so that a key rotation locks nobody
// out. They are kept in memory and on disk for times when their server cannot be reached.

import { createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose';
import type { Logger } from '../../contracts/logger.js';
import type { Clock } from '../../protocols/clock.js';
import { FailureDomain } from '../../protocols/failure-domain.js';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import { boundedRequest } from '../bounded-request.js';
import { accessError } from '../errors.js';
import { changeStateFile, readStateFile, type StateFile } from '../state-file.js';

export interface KeySetOptions {
  readonly url: string;
  /** Where the last key set is stored for the next start. */
  readonly file: StateFile;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long the last set stays in force while no new one can be fetched. */
  readonly maxStale: Milliseconds;
}

/** Least time between two fetches, because anybody can send tokens with made-up key ids and so cause fetches. */
const FETCH_INTERVAL: Milliseconds = 10_000;
/** A set is fetched again after this time, so that revoked keys disappear. */
const REFRESH_AFTER: Milliseconds = 600_000;
const TIMEOUT: Milliseconds = 5_000;
const MAX_BYTES = 128 * 1024;
const MAX_KEYS = 50;
/** RFC 7518 section 3.3. */
const LEAST_RSA_BITS = 2_048;
const REMINDER: Milliseconds = 60_000;

interface Fetched {
  readonly keys: JWTVerifyGetKey;
  readonly at: EpochMilliseconds;
}

export class KeySet {
  readonly #options: KeySetOptions;
  readonly #domain: FailureDomain;
  readonly #stop = new AbortController();
  #set: Fetched | undefined;
  #fetching: Promise<void> | undefined;
  #keeping: Promise<void> | undefined;
  #lastFetch: Milliseconds | undefined;
  #warned: Milliseconds | undefined;

  private constructor(options: KeySetOptions) {
    this.#options = options;
    this.#domain = new FailureDomain('jwks', ({ cause }) =>
      options.logger.error({ err: cause }, 'internal error: the keys that verify JWTs are no longer renewed'),
    );
  }

  /** Reads the kept set and begins to fetch a new one. The gateway starts even if the key server is down. */
  static async open(options: KeySetOptions): Promise<KeySet> {
    const set = new KeySet(options);
    await set.#readKept();
    set.#begin();
    return set;
  }

  /**
   * The key for a token. @throws {errors.JWKSNoMatchingKey} if there is none
   * @throws {SluiceError} `access.jwks` if no set was ever fetched, or the last one is too old
   */
  readonly key: JWTVerifyGetKey = async (header, token) => {
    const { clock } = this.#options;
    const age = (): Milliseconds =>
      this.#set === undefined ? Number.POSITIVE_INFINITY : clock.wallClock() - this.#set.at;
    if (age() > REFRESH_AFTER) this.#begin();
    if (age() > this.#options.maxStale) await this.#fetching;
    if (this.#set === undefined || age() > this.#options.maxStale) {
      throw accessError('access.jwks', 'there are no keys to verify a JWT with');
    }
    try {
      return await this.#set.keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    this.#begin();
    await this.#fetching;
    return this.#set.keys(header, token);
  };

  /** Aborts a request in progress. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#fetching;
    await this.#keeping;
    this.#domain.close();
  }

  /** Fetches the set, unless that was tried within the last seconds. All callers that wait share one request, which never rejects. */
  #begin(): void {
    const now = this.#options.clock.now();
    if (this.#fetching !== undefined) return;
    if (this.#lastFetch !== undefined && now - this.#lastFetch < FETCH_INTERVAL) return;
    this.#lastFetch = now;
    this.#fetching = this.#domain.settled('jwks fetch', () => this.#fetch());
  }

  async #fetch(): Promise<void> {
    const { url, logger, clock } = this.#options;
    try {
      const { status, text: answer } = await boundedRequest(url, {
        timeout: TIMEOUT,
        maxBytes: MAX_BYTES,
        signal: this.#stop.signal,
      });
      if (status !== 200) throw new Error(`got status ${status}, expected 200`);
      const set = readKeySet(answer);
      const at = clock.wallClock();
      this.#set = { keys: createLocalJWKSet(set), at };
      if (this.#warned !== undefined)
        logger.info({ keys: set.keys.length }, 'the keys that verify JWTs are available again');
      this.#warned = undefined;
      const text = `${JSON.stringify({ url, at, keys: set.keys })}\n`;
      // Not awaited, because a slow disk must not delay the next fetch.
      this.#keeping = this.#domain.settled('jwks keep', () => this.#keep(text));
    } catch (error) {
      this.#warn(error);
    } finally {
      this.#fetching = undefined;
    }
  }

  /** Never rejects: without the file, keys are missing only after a start while the key server is down. */
  async #keep(text: string): Promise<void> {
    const { file, logger } = this.#options;
    try {
      await changeStateFile(file, () => text);
    } catch (error) {
      logger.warn({ err: error }, 'the keys that verify JWTs cannot be stored for the next start');
    }
  }

  async #readKept(): Promise<void> {
    try {
      const kept = (await readStateFile(this.#options.file))?.text;
      if (kept === undefined) return;
      const { url, at } = JSON.parse(kept) as { readonly url?: unknown; readonly at?: unknown };
      // A set that came from another URL must not be trusted.
      if (url !== this.#options.url || typeof at !== 'number') return;
      this.#set = { keys: createLocalJWKSet(readKeySet(kept)), at };
    } catch (error) {
      this.#options.logger.warn(
        { err: error },
        'the stored keys that verify JWTs cannot be read and are fetched again',
      );
    }
  }

  #warn(error: unknown): void {
    const { logger, clock } = this.#options;
    const now = clock.now();
    if (this.#stop.signal.aborted || (this.#warned !== undefined && now - this.#warned < REMINDER)) return;
    this.#warned = now;
    const { maxStale } = this.#options;
    const isInForce = this.#set !== undefined && clock.wallClock() - this.#set.at <= maxStale;
    const inForce = isInForce
      ? 'the last keys stay in force'
      : 'there are no keys that are new enough, so every JWT is refused';
    logger.warn(
      { code: 'access.jwks', reason: reasonOf(error) },
      `the keys that verify JWTs cannot be fetched: ${inForce}`,
    );
  }
}

/** @throws if the text is not a key set, has too many keys, or has no usable key */
function readKeySet(text: string): JSONWebKeySet {
  const { keys } = JSON.parse(text) as { readonly keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('expected an object with a list of keys');
  if (keys.length > MAX_KEYS) throw new Error(`got ${keys.length} keys, expected at most ${MAX_KEYS}`);
  const usable = keys.filter(isUsable);
  if (usable.length === 0) throw new Error('got no public key of a supported type');
  return { keys: usable };
}

/** Only public keys: a symmetric key in a public set would be known to everybody. */
function isUsable(key: JWK): boolean {
  if (key?.kty === 'RSA') return Buffer.from(key.n ?? '', 'base64url').length * 8 >= LEAST_RSA_BITS;
  return key?.kty === 'EC' || key?.kty === 'OKP';
}

/** Why it failed, without quoting the answer of the server. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { cause } = error;
  return cause instanceof Error ? `${error.message} (${cause.message})` : error.message;
}
