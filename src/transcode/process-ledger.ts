// Records the ids of running FFmpegs in files. A stopped FFmpeg does not notice that its gateway was killed; the next gateway ends it.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../contracts/logger.js';
import { systemCode } from '../protocols/system-error.js';
import { findProcess, identifyProcess, type ProcessIdentity } from './process-identity.js';

interface LedgerEntry extends Required<ProcessIdentity> {
  /** The gateway that started it, with the same boot id and namespace. */
  readonly gateway: GatewayIdentity;
}

export type GatewayIdentity = Required<Pick<ProcessIdentity, 'pid' | 'start'>>;

export interface ProcessLedgerOptions {
  /** Created if missing; several gateways may share it, also across containers. */
  readonly directory: string;
  readonly logger: Logger;
  /** The process that starts them. Default: this one. */
  readonly gateway?: GatewayIdentity;
}

/** Works where there is a /proc; elsewhere it does nothing. */
export class ProcessLedger {
  readonly #options: ProcessLedgerOptions;
  readonly #gateway: GatewayIdentity | undefined;
  /** The write of each entry by process id; its removal waits for the write. */
  readonly #writes = new Map<number, Promise<void>>();
  readonly #namespace = identifyProcess(process.pid)?.namespace ?? '';
  #failed = false;

  constructor(options: ProcessLedgerOptions) {
    this.#options = options;
    this.#gateway = options.gateway ?? identifyProcess(process.pid);
  }

  /** Records that a process, which leads its own group, has started. */
  started(pid: number): void {
    const [identity, gateway] = [identifyProcess(pid), this.#gateway];
    if (identity === undefined || gateway === undefined) return;
    const { pid: gatewayPid, start } = gateway;
    this.#writes.set(pid, this.#write({ ...identity, gateway: { pid: gatewayPid, start } }));
  }

  /** Removes the record of a process that has ended. */
  ended(pid: number): void {
    const write = this.#writes.get(pid);
    if (write === undefined) return;
    this.#writes.delete(pid);
    const removed = write.then(() => rm(this.#path(pid), { force: true }));
    removed.catch((error: unknown) => this.#warn(error));
  }

  /**
   * Ends FFmpegs left behind by gateways that are gone, with their process groups. Leaves alone what belongs to a running gateway, or to
   * one that may run in another container or on another machine, and a process that merely reuses a recorded id. Never rejects.
   * @returns ids of the processes that were ended
   */
  async sweep(): Promise<number[]> {
    const { directory, logger } = this.#options;
    const killed: number[] = [];
    try {
      for (const name of await namesIn(directory)) {
        const path = join(directory, name);
        const entry = parseEntry(await textOf(path));
        if (entry !== undefined && mayBeInUse(entry)) continue;
        if (entry !== undefined && findProcess(entry) === 'running' && killGroup(entry.pid)) killed.push(entry.pid);
        await rm(path, { force: true });
      }
    } catch (error) {
      this.#warn(error);
    }
    if (killed.length > 0) logger.warn({ ffmpegPids: killed }, 'FFmpeg processes of an earlier gateway were ended');
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

  /** Names include the namespace: two containers may use the same process ids. */
  #path(pid: number): string {
    const namespace = /\d+/.exec(this.#namespace)?.[0] ?? '0';
    return join(this.#options.directory, `${pid}-${namespace}.json`);
  }

  /** Warns once: streams do not depend on the ledger. */
  #warn(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.logger.warn({ err: error }, 'process ids of FFmpeg cannot be saved');
  }
}

/**
 * Whether the gateway of the entry runs or may run. An entry from an earlier boot belongs to nobody; an entry from another machine cannot
 * be judged.
 */
function mayBeInUse({ gateway, boot, namespace }: LedgerEntry): boolean {
  const state = findProcess({ ...gateway, boot, namespace });
  if (state !== 'elsewhere') return state === 'running';
  return boot === identifyProcess(process.pid)?.boot;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => /^\d+(?:-\d+)?\.json$/.test(name));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Empty if the file is gone: another gateway may remove entries too. */
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
}

/** Undefined for an incomplete entry. */
function parseEntry(text: string): LedgerEntry | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isEntry(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is LedgerEntry {
  if (!isIdentity(value) || !('boot' in value) || !('namespace' in value) || !('gateway' in value)) return false;
  return typeof value.boot === 'string' && typeof value.namespace === 'string' && isIdentity(value.gateway);
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('start' in value)) return false;
  // Process group 1 would be every process; but as a gateway, 1 is the first process of a container.
  return Number.isSafeInteger(value.pid) && Number(value.pid) > 0 && Number.isSafeInteger(value.start);
}

function killGroup(pid: number): boolean {
  if (pid === 1) return false;
  try {
    process.kill(-pid, 'SIGKILL');
    return true;
  } catch {
    // It has just ended, or belongs to another user.
    return false;
  }
}
