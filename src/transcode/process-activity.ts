// Reads from the kernel what a process is doing: a stopped FFmpeg must be killed at once, one that still works must not be.
import { readFileSync } from 'node:fs';
import type { Milliseconds } from '../protocols/units.js';

export interface ProcessActivity {
  /** Whether it was stopped by a signal or a debugger. */
  readonly stopped: boolean;
  /** Whether it waits for something other than a disk or a processor. */
  readonly sleeping: boolean;
  /** User and system time of all its threads so far. */
  readonly cpuTime: Milliseconds;
}

/** proc(5): times are in clock ticks; USER_HZ is 100 on every Linux that Node runs on. */
const CLOCK_TICK: Milliseconds = 10;
/** Field indexes after the process name, with the state at index 0 (proc(5): state is field 3, utime 14, stime 15). */
const UTIME = 11;
const STIME = 12;
/** Field 22. */
const START = 19;

/** Undefined if there is no /proc or the process is gone. Blocks for microseconds only: /proc is not a disk. */
export function readProcessActivity(pid: number): ProcessActivity | undefined {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Clock ticks from boot to the start of a process. Together with the process id they identify a process until the next boot. */
export function readProcessStart(pid: number): number | undefined {
  try {
    const start = Number(statFields(readFileSync(`/proc/${pid}/stat`, 'latin1'))[START]);
    return Number.isSafeInteger(start) ? start : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process has exited, and its parent has not collected its status yet. */
export function isZombie(pid: number): boolean {
  try {
    return ['Z', 'X'].includes(statFields(readFileSync(`/proc/${pid}/stat`, 'latin1'))[0] ?? '');
  } catch {
    return false;
  }
}

/** The process name, in parentheses, may contain anything, including parentheses. */
function statFields(line: string): string[] {
  return line.slice(line.lastIndexOf(')') + 2).split(' ');
}

export function parseProcessStat(line: string): ProcessActivity | undefined {
  const fields = statFields(line);
  const cpuTime = (Number(fields[UTIME]) + Number(fields[STIME])) * CLOCK_TICK;
  if (!Number.isFinite(cpuTime)) return undefined;
  const [state] = fields;
  return { stopped: state === 'T' || state === 't', sleeping: state === 'S', cpuTime };
}
