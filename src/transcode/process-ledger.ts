// An FFmpeg that was stopped does not see that its gateway was killed, and would stay for ever: its id is written down, and the next gateway ends it.
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from './logger.js';
import { readProcessStart } from './process-activity.js';

/** A process, told from every other that had or will have its id: since which clock tick of which boot it runs. */
interface ProcessIdentity {
  readonly pid: number;
  readonly start: number;
}

interface LedgerEntry extends ProcessIdentity {
  readonly boot: string;
  readonly gateway: ProcessIdentity;
}

export interface ProcessLedgerOptions {
  /** Made when it is needed; may be shared by several gateways. */
  readonly directory: string;
  readonly logger: Logger;
  /** The process that starts them. Default: this one. */
  readonly gateway?: ProcessIdentity;
}

/** Works where there is a /proc; elsewhere it does nothing. */
export class ProcessLedger {
  readonly #options: ProcessLedgerOptions;
  readonly #boot: string | undefined = bootId();
  readonly #gateway: ProcessIdentity | undefined;
  /** The write of each entry, which its removal waits for. */
  readonly #writes = new Map<number, Promise<void>>();
  #failed = false;

  constructor(options: ProcessLedgerOptions) {
    this.#options = options;
    this.#gateway = options.gateway ?? identityOf(process.pid);
  }

  /** A process that leads its own group runs from now on. */
  started(pid: number): void {
    const identity = identityOf(pid);
    const [boot, gateway] = [this.#boot, this.#gateway];
    if (identity === undefined || boot === undefined || gateway === undefined) return;
    this.#writes.set(pid, this.#write({ ...identity, boot, gateway }));
  }

  /** It is gone. */
  ended(pid: number): void {
    const write = this.#writes.get(pid);
    if (write === undefined) return;
    this.#writes.delete(pid);
    const removed = write.then(() => rm(this.#path(pid), { force: true }));
    removed.catch((error: unknown) => this.#warn(error));
  }

  /**
   * Ends what gateways that are gone have left, with all of its group. What belongs to one that runs, or has got its id
   * since, is left alone. Never rejects.
   * @returns ids of what was ended
   */
  async sweep(): Promise<number[]> {
    const { directory, logger } = this.#options;
    const killed: number[] = [];
    try {
      for (const name of await namesIn(directory)) {
        const path = join(directory, name);
        const entry = parseEntry(await readFile(path, 'utf8'));
        if (entry !== undefined && this.#isOthers(entry)) continue;
        if (entry !== undefined && this.#isLeft(entry) && killGroup(entry.pid)) killed.push(entry.pid);
        await rm(path, { force: true });
      }
    } catch (error) {
      this.#warn(error);
    }
    if (killed.length > 0) logger.warn({ ffmpegPids: killed }, 'FFmpegs of a gateway that is gone were ended');
    return killed;
  }

  async #write(entry: LedgerEntry): Promise<void> {
    try {
      await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
      await writeFile(this.#path(entry.pid), JSON.stringify(entry), { mode: 0o600 });
    } catch (error) {
      this.#warn(error);
    }
  }

  #path(pid: number): string {
    return join(this.#options.directory, `${pid}.json`);
  }

  /** Its gateway runs. */
  #isOthers({ boot, gateway }: LedgerEntry): boolean {
    return boot === this.#boot && readProcessStart(gateway.pid) === gateway.start;
  }

  #isLeft({ boot, pid, start }: LedgerEntry): boolean {
    return boot === this.#boot && readProcessStart(pid) === start;
  }

  /** Once: streams do not depend on it. */
  #warn(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.logger.warn({ err: error }, 'process ids of FFmpeg cannot be written down');
  }
}

function identityOf(pid: number): ProcessIdentity | undefined {
  const start = readProcessStart(pid);
  return start === undefined ? undefined : { pid, start };
}

function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return undefined;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => /^\d+\.json$/.test(name));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined for what was cut off while it was written. */
function parseEntry(text: string): LedgerEntry | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isEntry(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is LedgerEntry {
  if (!isIdentity(value) || !('boot' in value) || !('gateway' in value)) return false;
  return typeof value.boot === 'string' && isIdentity(value.gateway);
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('start' in value)) return false;
  // 1 would be every process there is, as a group.
  return Number.isSafeInteger(value.pid) && Number(value.pid) > 1 && Number.isSafeInteger(value.start);
}

function killGroup(pid: number): boolean {
  try {
    process.kill(-pid, 'SIGKILL');
    return true;
  } catch {
    // Gone in this moment, or not ours to end.
    return false;
  }
}
