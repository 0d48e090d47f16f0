// The keys and users of the file of publishers. The file is followed while the gateway runs, and publishers whose key is revoked or removed
// are ended.

import type { Grant } from '../../contracts/grant.js';
import type { Logger } from '../../contracts/logger.js';
import { FailureDomain } from '../../protocols/failure-domain.js';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import { KEY_PARAMETER } from '../key-and-user-proof.js';
import { AddressList } from '../policy/address-list.js';
import type { Grants } from '../policy/grants.js';
import type { Disproven, Proof, Proven, Question } from '../policy/question.js';
import { readStateFile, type StateFile } from '../state-file.js';
import type { PublishUser } from '../user-directory.js';
import { hashOfSecret } from './change-publishers.js';
import { KeyUse } from './key-use.js';
import { parsePublishers, publisherFile, type StoredKey, type StoredUser } from './publisher-file.js';

/** A publisher must be ended within a second after its key was revoked. */
const POLL_INTERVAL: Milliseconds = 400;
/** Operators need time to renew a key. */
const WARN_BEFORE: Milliseconds = 86_400_000;
/** Time between two log lines about a file that still cannot be read. */
const REMINDER: Milliseconds = 60_000;

export interface PublishersOptions {
  readonly stateDir: string;
  readonly logger: Logger;
  readonly wallClock: () => EpochMilliseconds;
  readonly grants: Pick<Grants, 'endWhere'>;
  /** Called with the users of the file, at the start and whenever they change. */
  readonly onUsers: (users: readonly PublishUser[]) => void;
  /** Default 400 ms. */
  readonly pollInterval?: Milliseconds;
}

interface KnownKey {
  readonly stored: StoredKey;
  readonly addresses: AddressList | undefined;
}

export class Publishers implements Proof {
  readonly #options: PublishersOptions;
  readonly #file: StateFile;
  readonly #domain: FailureDomain;
  readonly #use: KeyUse;
  /**
   * By the hash of the secret. The time of a look-up may reveal something about a stored hash, but nobody can choose the hash that is
   * looked up.
   */
  #byHash: ReadonlyMap<string, KnownKey> = new Map();
  #keys: ReadonlyMap<string, StoredKey> = new Map();
  #users: ReadonlyMap<string, StoredUser> = new Map();
  /** Users removed by the last change. */
  #removed: readonly string[] = [];
  #version: string | undefined;
  #reported: EpochMilliseconds | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  /** Grants for which `onExpiring` was called. */
  readonly #warned = new WeakSet<Grant>();
  #onExpiring: (grant: Grant, until: EpochMilliseconds) => void = () => undefined;

  private constructor(options: PublishersOptions) {
    const { stateDir, logger } = options;
    this.#options = options;
    this.#file = publisherFile(stateDir);
    this.#domain = new FailureDomain('publishers', ({ cause }) =>
      logger.error({ err: cause }, 'internal error: changes to the file of publishers are no longer noticed'),
    );
    this.#use = new KeyUse(stateDir, this.#domain, logger);
  }

  /**
   * Reads the file and follows it until `close`.
   * @throws {SluiceError} `access.publishers`
   */
  static async follow(options: PublishersOptions): Promise<Publishers> {
    const publishers = new Publishers(options);
    await publishers.#read();
    publishers.#start();
    return publishers;
  }

  #start(): void {
    const { pollInterval = POLL_INTERVAL } = this.#options;
    const domain = this.#domain;
    this.#timer = setInterval(() => domain.run('publishers look', () => this.#look()), pollInterval).unref();
  }

  /** Whether there is a file. If there is one, publishing is not open, even if all its keys are revoked. */
  get exist(): boolean {
    return this.#version !== undefined;
  }

  /** @param listener called once for each publisher whose key expires within a day */
  onExpiring(listener: (grant: Grant, until: EpochMilliseconds) => void): void {
    this.#onExpiring = listener;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#use.idle();
    this.#domain.close();
  }

  prove({ app, name, query, remoteAddress }: Question): Proven | Disproven | undefined {
    const secret = query.get(KEY_PARAMETER);
    if (secret === null || secret === '') return undefined;
    const known = this.#byHash.get(hashOfSecret(secret));
    if (known === undefined) return undefined;
    const { stored, addresses } = known;
    const { key, revokedAt, title } = stored;
    const now = this.#options.wallClock();
    if (revokedAt !== undefined || isExpired(stored, now)) {
      const error = accessError(
        'access.expired',
        revokedAt === undefined ? 'the key has expired' : 'the key is revoked',
      );
      return { ok: false, error, isGuess: false };
    }
    this.#use.note(key, now);
    const isHere = addresses === undefined || (remoteAddress !== undefined && addresses.has(remoteAddress));
    const covers = isHere && (stored.apps?.includes(app) ?? true) && (stored.names?.includes(name) ?? true);
    return { ok: true, covers, holder: { proof: 'key', id: key }, options: { title } };
  }

  /** Never rejects: an unusable file is reported, and its last readable version stays in force. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { logger, wallClock } = this.#options;
    try {
      const isNew = await this.#read();
      this.#endOver();
      if (!isNew) return;
      if (this.#reported !== undefined) logger.info({ path: this.#file.path }, 'the file of publishers is read again');
      this.#reported = undefined;
      logger.info({ keys: this.#keys.size, users: this.#users.size }, 'the keys and users of publishers have changed');
    } catch (error) {
      const now = wallClock();
      if (this.#reported !== undefined && Math.abs(now - this.#reported) < REMINDER) return;
      this.#reported = now;
      const message = 'the file of publishers cannot be used, its last readable version stays in force';
      logger.error({ err: error, path: this.#file.path }, message);
    } finally {
      this.#looking = false;
    }
  }

  /** @returns whether the content has changed */
  async #read(): Promise<boolean> {
    const found = await readStateFile(this.#file, this.#version);
    if (found === 'unchanged') return false;
    if (found === undefined) {
      // A file that is missing for a moment, as while it is restored, must not end all publishers.
      if (this.#version !== undefined) throw this.#file.error('it is gone; to remove all keys, leave an empty file');
      return false;
    }
    const { keys, users } = parsePublishers(this.#file, found.text);
    this.#version = found.version;
    this.#keys = new Map(keys.map((stored) => [stored.key, stored]));
    this.#byHash = new Map(
      keys.map((stored) => [
        stored.hash,
        { stored, addresses: stored.addresses === undefined ? undefined : new AddressList(stored.addresses) },
      ]),
    );
    this.#removed = [...this.#users.keys()].filter((name) => !users.some(({ user }) => user === name));
    this.#users = new Map(users.map((stored) => [stored.user, stored]));
    this.#options.onUsers(users.map(({ user, hash, apps, names }) => ({ name: user, hash, apps, names })));
    return true;
  }

  /** Checks the present publishers against the present file. Expiry times are not remembered, because they may have changed. */
  #endOver(): void {
    const removed = new Set(this.#removed);
    this.#removed = [];
    const now = this.#options.wallClock();
    this.#options.grants.endWhere((grant) => {
      const { action, holder } = grant;
      if (action !== 'publish' || holder.id === undefined) return undefined;
      if (holder.proof === 'user') {
        return removed.has(holder.id) ? accessError('access.revoked', 'the user was removed') : undefined;
      }
      if (holder.proof !== 'key') return undefined;
      const stored = this.#keys.get(holder.id);
      const isRevoked = stored === undefined || (stored.revokedAt !== undefined && stored.keepRunning !== true);
      if (isRevoked) return accessError('access.revoked', 'the key was revoked');
      if (isExpired(stored, now)) return accessError('access.expired', 'the key has expired');
      this.#warn(grant, stored, now);
      return undefined;
    });
  }

  #warn(grant: Grant, { expiresAt }: StoredKey, now: EpochMilliseconds): void {
    const until = expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
    if (until - now > WARN_BEFORE || this.#warned.has(grant)) return;
    this.#warned.add(grant);
    const { app, name, holder } = grant;
    this.#options.logger.warn({ app, stream: name, keyId: holder.id, expiresAt }, 'the key of a publisher will expire');
    this.#onExpiring(grant, until);
  }
}

function isExpired({ expiresAt }: StoredKey, now: EpochMilliseconds): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= now;
}
