// Keeps the certificate of all TLS servers up to date: a renewed one is used without a restart.

import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { KeyPair } from '../contracts/certificate.js';
import { callAll, FailureDomain } from '../protocols/failure-domain.js';
import { systemReason } from '../protocols/system-error.js';
import type { Milliseconds } from '../protocols/units.js';
import { tlsError } from './errors.js';

export interface TlsCertificateOptions {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
  readonly logger: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** Time between two checks of the files. A change is applied when the files have stayed the same for one interval. Default 2 s. */
  readonly interval?: Milliseconds;
}

/** Polling works however the files are replaced: overwritten, renamed, or behind a symbolic link that was moved. */
const LOOK_INTERVAL: Milliseconds = 2_000;

export class TlsCertificate {
  readonly #options: TlsCertificateOptions;
  readonly #listeners = new Set<(pair: KeyPair) => void>();
  readonly #timer: NodeJS.Timeout;
  #current: KeyPair;
  /** State of the files when they were last loaded, and at the last check. */
  #tried: string;
  #seen: string;
  #looking = false;

  /** @throws {SluiceError} `tls.certificate` */
  static async load(options: TlsCertificateOptions): Promise<TlsCertificate> {
    const state = await fileState(options);
    return new TlsCertificate(options, await readPair(options), state);
  }

  private constructor(options: TlsCertificateOptions, pair: KeyPair, state: string) {
    this.#options = options;
    this.#current = pair;
    this.#tried = state;
    this.#seen = state;
    const domain = new FailureDomain('certificate', ({ cause }) => {
      options.logger.error(
        { err: cause, file: options.cert },
        'internal error: a new certificate is not used on every port',
      );
    });
    const look = (): void => domain.run('certificate look', () => this.#look());
    this.#timer = setInterval(look, options.interval ?? LOOK_INTERVAL);
    this.#timer.unref();
  }

  /** The key pair in use. */
  get current(): KeyPair {
    return this.#current;
  }

  /** Calls the listener with each new pair; existing connections keep theirs. @returns a function that removes the listener */
  onChange(listener: (pair: KeyPair) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Checks the files now; loads them only if they differ from the pair in use. */
  async reload(): Promise<void> {
    const state = await fileState(this.#options);
    if (state !== this.#tried) await this.#reload(state);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const state = await fileState(this.#options);
      const rested = state === this.#seen;
      this.#seen = state;
      if (rested && state !== this.#tried) await this.#reload(state);
    } finally {
      this.#looking = false;
    }
  }

  /** A pair that does not work is reported once, and the old one stays in use. The next change is tried again. */
  async #reload(state: string): Promise<void> {
    const { cert, logger } = this.#options;
    this.#tried = state;
    try {
      this.#current = await readPair(this.#options);
    } catch (error) {
      logger.error({ err: error, file: cert }, 'the new certificate cannot be used, the old one stays in force');
      return;
    }
    logger.info({ file: cert }, 'new certificate in force');
    callAll([...this.#listeners], (listener) => listener(this.#current));
  }
}

async function readPair(options: Pick<TlsCertificateOptions, 'cert' | 'key'>): Promise<KeyPair> {
  const what = `certificate ${options.cert} with key ${options.key}`;
  const [cert, key] = await Promise.all([readPem(options.cert, what), readPem(options.key, what)]);
  const pair: KeyPair = { cert, key, minVersion: 'TLSv1.2' };
  try {
    createSecureContext(pair);
  } catch (cause) {
    throw tlsError('tls.certificate', `${what}: ${refusal(cause)}`, { cause });
  }
  return pair;
}

async function readPem(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw tlsError('tls.certificate', `${what}: ${path} cannot be read (${systemReason(cause)})`, { cause });
  }
}

/** OpenSSL's messages about a pair, with their meaning for the person who configured it. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/no start line/i, 'the certificate is not PEM'],
  [/key values mismatch/i, 'the key is not that of the certificate'],
  [/interrupted or cancelled|bad decrypt|bad password/i, 'the key is encrypted'],
  [/DECODER routines/i, 'the key is not PEM'],
];

function refusal(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const meaning = REFUSALS.find(([text]) => text.test(cause.message))?.[1];
  return meaning === undefined ? cause.message : `${meaning} (${cause.message})`;
}

/** A value that changes whenever one of the files changes. A file that is missing while it is replaced has a state too. */
async function fileState({ cert, key }: Pick<TlsCertificateOptions, 'cert' | 'key'>): Promise<string> {
  const states = await Promise.all(
    [cert, key].map((path) =>
      stat(path).then(
        ({ ino, size, mtimeMs }) => `${ino}:${size}:${mtimeMs}`,
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      ),
    ),
  );
  return states.join(' ');
}
