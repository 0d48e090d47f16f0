// Which process wrote something down, told from every other that had or will have its id, and whether it still runs.

import { readFileSync, readlinkSync } from 'node:fs';
import { systemCode } from '../protocols/system-error.js';
import { isZombie, readProcessStart } from './process-activity.js';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the boot to its start; undefined where there is no /proc. */
  readonly start?: number;
  /** Of the machine it runs on. */
  readonly boot?: string;
  /** Process ids mean something within one: containers have one each, and in each the first process is 1. */
  readonly namespace?: string;
}

/** `elsewhere`: on another machine, in another container or out of sight; nothing can be said of it from here. */
export type ProcessState = 'running' | 'gone' | 'elsewhere';

/** Of a process of this container; undefined where there is no /proc, or it is gone. */
export function identifyProcess(pid: number): Required<ProcessIdentity> | undefined {
  const [boot, namespace, start] = [bootId(), pidNamespace(), readProcessStart(pid)];
  if (boot === undefined || namespace === undefined || start === undefined) return undefined;
  return { pid, start, boot, namespace };
}

export function findProcess({ pid, start, boot, namespace }: ProcessIdentity): ProcessState {
  if (boot === undefined || boot !== bootId() || namespace !== pidNamespace()) return 'elsewhere';
  const found = readProcessStart(pid);
  if (found !== undefined) return found === start && !isZombie(pid) ? 'running' : 'gone';
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return 'gone';
  }
  // It is there, and /proc does not show the processes of other users.
  return 'elsewhere';
}

function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    // No Linux.
    return undefined;
  }
}

function pidNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}
