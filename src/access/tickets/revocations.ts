// Sessions that were revoked before their end: `sluice revoke` adds them to a file, and the running gateway follows it. A session stays revoked until
// its token expires, whatever happens to the file. After that, its token and its ticket are refused anyway.

import type { Logger } from '../../contracts/logger.js';
import { FailureDomain } from '../../protocols/failure-domain.js';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import { isOver, type Revocation, type RevocationLines, readRevocations, revocationPath } from './revocation-file.js';

/** A revoked viewer must be stopped within one target duration. */
const POLL_INTERVAL: Milliseconds = 500;
/** Time between two log lines about a file that still cannot be read. */
const REMINDER: Milliseconds = 60_000;
/** Number of sessions and lines that one log line names. */
const NAMED = 5;
/** Number of characters of a session id in the log: enough to recognize it. */
const NAMED_LENGTH = 4;

export interface RevocationsOptions {
  readonly stateDir: string;
  readonly logger: Logger;
  readonly wallClock: () => EpochMilliseconds;
  /** Time between two checks of the file. Default 500 ms. */
  readonly pollInterval?: Milliseconds;
}

export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #path: string;
  readonly #sessions = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  /** Version of the file that was read last; undefined if there was none. */
  #version: string | undefined;
  /** When an unreadable file was last reported. */
  #reported: EpochMilliseconds | undefined;
  #looking = false;

  private constructor(options: RevocationsOptions) {
    this.#options = options;
    this.#path = revocationPath(options.stateDir);
  }

  /**
   * Reads the file and follows it until `close`.
   * @throws {SluiceError} `access.revocations`: without the file, revoked links would work again
   */
  static async follow(options: RevocationsOptions): Promise<Revocations> {
    const revocations = new Revocations(options);
    await revocations.#read();
    revocations.#start();
    return revocations;
  }

  has(sid: string): boolean {
    return this.#sessions.has(sid);
  }

  list(): readonly Revocation[] {
    return [...this.#sessions].map(([sid, until]) => ({ sid, until }));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #start(): void {
    const { logger, pollInterval = POLL_INTERVAL } = this.#options;
    const domain = new FailureDomain('revoked sessions', ({ cause }) =>
      logger.error({ err: cause }, 'internal error: new revocations of sessions are no longer noticed'),
    );
    this.#timer = setInterval(() => domain.run('revocations look', () => this.#look()), pollInterval).unref();
  }

  /** Never rejects: an unreadable file is reported, and read again at the next check. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { logger, wallClock } = this.#options;
    try {
      await this.#read();
      if (this.#reported !== undefined) logger.info({ path: this.#path }, 'the file of revoked sessions is read again');
      this.#reported = undefined;
    } catch (error) {
      const now = wallClock();
      if (this.#reported !== undefined && Math.abs(now - this.#reported) < REMINDER) return;
      this.#reported = now;
      const fields = { err: error, path: this.#path };
      logger.error(fields, 'the file of revoked sessions cannot be read, its last readable version stays in force');
    } finally {
      this.#looking = false;
    }
  }

  async #read(): Promise<void> {
    const found = await readRevocations(this.#path, this.#version);
    if (found === 'unchanged') return;
    if (found === undefined) {
      if (this.#version !== undefined) this.#reportGone();
      this.#version = undefined;
      return;
    }
    this.#version = found.version;
    this.#take(found);
  }

  #take({ revocations, strange }: RevocationLines): void {
    const { logger, wallClock } = this.#options;
    const now = wallClock();
    for (const [sid, until] of this.#sessions) if (isOver({ until }, now)) this.#sessions.delete(sid);
    const added: string[] = [];
    for (const { sid, until } of revocations) {
      if (isOver({ until }, now)) continue;
      const known = this.#sessions.get(sid);
      if (known === undefined) added.push(sid);
      // Several tokens may belong to one session, which expires with the last of them.
      this.#sessions.set(sid, Math.max(until, known ?? 0));
    }
    if (added.length > 0) {
      const sessions = added.slice(0, NAMED).map((sid) => `${sid.slice(0, NAMED_LENGTH)}…`);
      logger.info({ sessions, count: added.length }, 'sessions of viewers are revoked');
    }
    if (strange.length > 0) {
      const lines = strange.slice(0, NAMED).map(({ number }) => number);
      const fields = { path: this.#path, lines, count: strange.length };
      logger.error(fields, 'some lines of the file of revoked sessions were not understood');
    }
  }

  #reportGone(): void {
    const fields = { path: this.#path, count: this.#sessions.size };
    this.#options.logger.warn(fields, 'the file of revoked sessions is gone, its last readable version stays in force');
  }
}
