// Sessions that were ended before their time: `sluice revoke` adds lines to a file, and the running gateway follows it. A session is forgotten
// at the end of its time, when its token and its ticket would be refused anyway.

import { appendFile, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from '../../contracts/logger.js';
import { FailureDomain } from '../../protocols/failure-domain.js';
import { systemCode } from '../../protocols/system-error.js';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';

/** A revoked session. */
export interface Revocation {
  readonly sid: string;
  /** When its token ends, in seconds since 1970. */
  readonly until: number;
}

const REVOCATION_FILE = 'revoked-sessions.jsonl';
/** A viewer whose session is revoked must be gone within one target duration. */
const POLL_INTERVAL: Milliseconds = 500;
/** A larger file is not the work of an operator: about 400,000 sessions. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;

export interface RevocationsOptions {
  readonly stateDir: string;
  readonly logger: Logger;
  readonly wallClock: () => EpochMilliseconds;
  /** Time between two looks at the file. Default 500 ms. */
  readonly pollInterval?: Milliseconds;
}

export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #timer: NodeJS.Timeout;
  #sessions: ReadonlyMap<string, number> = new Map();
  /** State of the file at the last reading. */
  #read = 'ENOENT';
  #looking = false;

  private constructor(options: RevocationsOptions) {
    this.#options = options;
    const domain = new FailureDomain('revoked sessions', ({ cause }) =>
      options.logger.error({ err: cause }, 'internal error: revoked sessions are not followed any more'),
    );
    const look = (): void => domain.run('revocations look', () => this.#look());
    this.#timer = setInterval(look, options.pollInterval ?? POLL_INTERVAL).unref();
  }

  /** Reads the file and follows it until `close`. */
  static async follow(options: RevocationsOptions): Promise<Revocations> {
    const revocations = new Revocations(options);
    await revocations.#look();
    return revocations;
  }

  has(sid: string): boolean {
    return this.#sessions.has(sid);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Never rejects: a file that cannot be read is reported once, and what was read before stays in force. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { logger } = this.#options;
    const path = revocationPath(this.#options.stateDir);
    try {
      const state = await fileState(path);
      if (state === this.#read) return;
      this.#read = state;
      this.#sessions = state === 'ENOENT' ? new Map() : await this.#load(path);
    } catch (error) {
      logger.error(
        { err: error, path },
        'the file of revoked sessions cannot be read, what was read before stays in force',
      );
    } finally {
      this.#looking = false;
    }
  }

  async #load(path: string): Promise<Map<string, number>> {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) throw new RangeError(`got ${size} bytes, expected at most ${MAX_FILE_BYTES}`);
    const now = this.#options.wallClock() / 1000;
    const sessions = new Map<string, number>();
    const strange: number[] = [];
    for (const [index, line] of (await readFile(path, 'utf8')).split('\n').entries()) {
      if (line.trim() === '') continue;
      const revocation = parseLine(line);
      if (revocation === undefined) strange.push(index + 1);
      else if (revocation.until >= now - LONGEST_SKEW) sessions.set(revocation.sid, revocation.until);
    }
    if (strange.length > 0) {
      const fields = { path, lines: strange.slice(0, 5), count: strange.length };
      this.#options.logger.error(fields, 'lines of the file of revoked sessions were not understood');
    }
    return sessions;
  }
}

/** Seconds: the longest `clockSkew`. A token may be accepted for so long after its end. */
const LONGEST_SKEW = 300;

/** Path of the file with revoked sessions. */
export function revocationPath(stateDir: string): string {
  return join(stateDir, REVOCATION_FILE);
}

/** Adds a session to the file, which running gateways with this state directory read within half a second. */
export async function revokeSession(stateDir: string, { sid, until }: Revocation): Promise<void> {
  const path = revocationPath(stateDir);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // One short line in one write: gateways and other commands never see half of it. The newline before it ends a line that a crash cut off.
  await appendFile(path, `\n${JSON.stringify({ sid, until })}\n`, { mode: 0o600, flush: true });
}

function parseLine(line: string): Revocation | undefined {
  try {
    const { sid, until } = JSON.parse(line) as Record<string, unknown>;
    return typeof sid === 'string' && typeof until === 'number' ? { sid, until } : undefined;
  } catch {
    return undefined;
  }
}

async function fileState(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return code;
    throw error;
  }
}
