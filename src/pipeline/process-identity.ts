// Identifies a process by more than its id, which may be reused, and checks whether it still runs.

import { readFileSync, readlinkSync } from 'node:fs';
import { systemCode } from '../protocols/system-error.js';
import { isZombie, readProcessStart } from '../transcode/process-activity.js';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start; undefined if there is no /proc. */
  readonly start?: number;
  /** Boot id of the machine. */
  readonly boot?: string;
  /** PID namespace. Process ids are unique only within one: each container has its own, in which the first process is 1. */
  readonly namespace?: string;
}

/** `elsewhere`: on another machine, in another container, or not visible to us. Whether it runs is unknown. */
export type ProcessState = 'running' | 'gone' | 'elsewhere';

/** For a process of this container; undefined if there is no /proc or it is gone. */
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
  // The process exists, but /proc hides processes of other users.
  return 'elsewhere';
}

function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    // Not Linux.
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
