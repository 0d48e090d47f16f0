// Times of the last use of keys, for `sluice key list`. They are in their own file, because the gateway must not write to the file that
// people edit.

import { join } from 'node:path';
import type { Logger } from '../../contracts/logger.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { EpochMilliseconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import { changeStateFile, readStateFile, type StateFile } from '../state-file.js';
import { MAX_PUBLISHERS } from './publisher-file.js';

/** 20,000 keys of about 60 bytes. */
const MAX_BYTES = 2 * 1024 * 1024;
const FILE = 'key-use.json';

type Uses = Readonly<Record<string, string>>;

export class KeyUse {
  readonly #file: StateFile;
  readonly #domain: FailureDomain;
  readonly #logger: Logger;
  /** Uses that are not written yet. */
  #unwritten = new Map<string, EpochMilliseconds>();
  #writing: Promise<void> | undefined;
  #hasFailed = false;

  constructor(stateDir: string, domain: FailureDomain, logger: Logger) {
    this.#file = useFile(stateDir);
    this.#domain = domain;
    this.#logger = logger;
  }

  note(id: string, at: EpochMilliseconds): void {
    this.#unwritten.set(id, at);
    this.#writing ??= this.#domain.settled('key use', () => this.#write());
  }

  /** Resolves when no write is in progress. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  /** Never rejects, because a publisher must not be ended if a use cannot be stored. */
  async #write(): Promise<void> {
    try {
      while (this.#unwritten.size > 0) {
        const written = this.#unwritten;
        this.#unwritten = new Map();
        await changeStateFile(this.#file, (text) => {
          const uses = { ...parseUses(text) };
          for (const [id, at] of written) {
            // The entry is added again at the end, because the first entries are dropped when the file is full.
            delete uses[id];
            uses[id] = new Date(at).toISOString();
          }
          return `${JSON.stringify(Object.fromEntries(Object.entries(uses).slice(-MAX_PUBLISHERS)))}\n`;
        });
        this.#hasFailed = false;
      }
    } catch (error) {
      if (!this.#hasFailed) this.#logger.warn({ err: error }, 'the last use of keys cannot be written');
      this.#hasFailed = true;
    } finally {
      this.#writing = undefined;
    }
  }
}

/**
 * Time of the last use of each key in ISO 8601, by key id.
 * @throws {SluiceError} `access.publishers`
 */
export async function readKeyUse(stateDir: string): Promise<Uses> {
  return parseUses((await readStateFile(useFile(stateDir)))?.text);
}

function useFile(stateDir: string): StateFile {
  const path = join(stateDir, FILE);
  const error: StateFile['error'] = (what, cause) =>
    accessError('access.publishers', `file of key uses ${path}: ${what}`, cause === undefined ? {} : { cause });
  return { path, maxBytes: MAX_BYTES, whenFull: 'remove it', error };
}

/** A broken file is ignored and overwritten. */
function parseUses(text = '{}'): Uses {
  try {
    const uses: unknown = JSON.parse(text);
    if (typeof uses !== 'object' || uses === null) return {};
    return Object.fromEntries(Object.entries(uses).filter(([, at]) => typeof at === 'string'));
  } catch {
    return {};
  }
}
