// The operator tokens. The file is checked at each request, so a change by a command takes effect at once. At first there are no tokens;
// `sluice token add` makes the first one.

import type { Logger } from '../../contracts/logger.js';
import type { Operator, OperatorRole } from '../../contracts/operators.js';
import { SluiceError } from '../../protocols/errors.js';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import { changeStateFile, readStateFile, type StateFile } from '../state-file.js';
import { idOfToken, matchesToken, newToken } from './operator-token.js';
import { MAX_TOKENS, parseTokens, type StoredToken, tokenFile, tokensText } from './token-file.js';

/** A token without its hash. */
export type TokenDescription = Omit<StoredToken, 'hash'> & {
  /** ISO 8601. Time of the last use since this process started; undefined if it was not used. */
  readonly lastUsedAt?: string;
};

export interface TokenRequest {
  readonly role: OperatorRole;
  readonly name: string;
  /** ISO 8601. */
  readonly expiresAt?: string | undefined;
}

export interface OperatorTokensOptions {
  readonly stateDir: string;
  readonly logger: Logger;
  readonly wallClock: () => EpochMilliseconds;
}

/** Time between two log lines about a file that still cannot be read. */
const REMINDER: Milliseconds = 60_000;

export class OperatorTokens {
  readonly #file: StateFile;
  readonly #options: OperatorTokensOptions;
  readonly #lastUsed = new Map<string, EpochMilliseconds>();
  #version: string | undefined;
  #tokens: ReadonlyMap<string, StoredToken> = new Map();
  #reported: EpochMilliseconds | undefined;

  constructor(options: OperatorTokensOptions) {
    this.#options = options;
    this.#file = tokenFile(options.stateDir);
  }

  /**
   * The operator of this token; undefined if the token is not valid or has expired. Never rejects: if the file is broken, the last readable
   * version applies.
   */
  async check(token: string): Promise<Operator | undefined> {
    await this.#follow();
    const id = idOfToken(token);
    const stored = id === undefined ? undefined : this.#tokens.get(id);
    const now = this.#options.wallClock();
    if (!matchesToken(token, stored?.hash) || stored === undefined || isExpired(stored, now)) return undefined;
    this.#lastUsed.set(stored.id, now);
    return { id: stored.id, role: stored.role, name: stored.name };
  }

  /** @throws {SluiceError} `access.operator-tokens` */
  async list(): Promise<readonly TokenDescription[]> {
    const tokens = parseTokens(this.#file, (await readStateFile(this.#file))?.text);
    return tokens.map((token) => {
      const at = this.#lastUsed.get(token.id);
      return { ...described(token), ...(at !== undefined && { lastUsedAt: new Date(at).toISOString() }) };
    });
  }

  /**
   * @returns the token, which cannot be read again later.
   * @throws {SluiceError} `access.operator-tokens`
   */
  async add(request: TokenRequest): Promise<{ readonly token: string; readonly description: TokenDescription }> {
    return addToken(this.#file, request, this.#options.wallClock());
  }

  /** @returns false if there is no such token. @throws {SluiceError} `access.operator-tokens` */
  async revoke(id: string): Promise<boolean> {
    this.#lastUsed.delete(id);
    return removeToken(this.#file, id);
  }

  async #follow(): Promise<void> {
    const { logger, wallClock } = this.#options;
    try {
      const found = await readStateFile(this.#file, this.#version);
      if (found === 'unchanged') return;
      const tokens = parseTokens(this.#file, found?.text);
      this.#tokens = new Map(tokens.map((token) => [token.id, token]));
      this.#version = found?.version;
      this.#reported = undefined;
    } catch (error) {
      const now = wallClock();
      if (this.#reported !== undefined && Math.abs(now - this.#reported) < REMINDER) return;
      this.#reported = now;
      const code = error instanceof SluiceError ? error.code : undefined;
      logger.error(
        { err: error, code },
        'the file of operator tokens cannot be used, its last readable version stays in force',
      );
    }
  }
}

/** Makes a token and adds it to the file. @throws {SluiceError} `access.operator-tokens` */
export async function addToken(
  file: StateFile,
  { role, name, expiresAt }: TokenRequest,
  now: EpochMilliseconds,
): Promise<{ readonly token: string; readonly description: TokenDescription }> {
  const { id, token, hash } = newToken();
  const createdAt = new Date(now).toISOString();
  const stored: StoredToken = { id, role, name, hash, createdAt, ...(expiresAt !== undefined && { expiresAt }) };
  await changeStateFile(file, (text) => {
    const tokens = parseTokens(file, text).filter((kept) => !isExpired(kept, now));
    if (tokens.length >= MAX_TOKENS)
      throw accessError('access.operator-tokens', `there are ${MAX_TOKENS} tokens already: revoke some`);
    return tokensText([...tokens, stored]);
  });
  return { token, description: described(stored) };
}

/** @returns false if there is no such token. @throws {SluiceError} `access.operator-tokens` */
async function removeToken(file: StateFile, id: string): Promise<boolean> {
  let removed = false;
  await changeStateFile(file, (text) => {
    const tokens = parseTokens(file, text);
    removed = tokens.some((token) => token.id === id);
    return removed ? tokensText(tokens.filter((token) => token.id !== id)) : undefined;
  });
  return removed;
}

function isExpired({ expiresAt }: StoredToken, now: EpochMilliseconds): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= now;
}

function described({ hash: _, ...token }: StoredToken): TokenDescription {
  return token;
}
