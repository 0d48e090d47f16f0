// What the kernel says a process does: a stopped FFmpeg must be killed at once, one that still computes must not.
import { readFileSync } from 'node:fs';
import type { Milliseconds } from '../protocols/units.js';

export interface ProcessActivity {
  /** Stopped by a signal or a debugger. */
  readonly stopped: boolean;
  /** Waits for something other than a disk or a processor. */
  readonly sleeping: boolean;
  /** User and system time of all its threads so far. */
  readonly cpuTime: Milliseconds;
}

/** proc(5): times are in clock ticks, and USER_HZ is 100 on every Linux that Node runs on. */
const CLOCK_TICK: Milliseconds = 10;
/** Fields after the name, counted from the state as 0 (proc(5): state is field 3, utime 14, stime 15). */
const UTIME = 11;
const STIME = 12;
/** Field 22. */
const START = 19;

/** Undefined where there is no /proc, or the process is gone. Blocks for microseconds: /proc is no disk. */
export function readProcessActivity(pid: number): ProcessActivity | undefined {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Clock ticks between the boot of the machine and the start of a process: with its id, unique until the next boot. */
export function readProcessStart(pid: number): number | undefined {
  try {
    const start = Number(statFields(readFileSync(`/proc/${pid}/stat`, 'latin1'))[START]);
    return Number.isSafeInteger(start) ? start : undefined;
  } catch {
    return undefined;
  }
}

/** It has exited, and its parent has not asked for its status yet. */
export function isZombie(pid: number): boolean {
  try {
    return ['Z', 'X'].includes(statFields(readFileSync(`/proc/${pid}/stat`, 'latin1'))[0] ?? '');
  } catch {
    return false;
  }
}

/** The name, in parentheses, may hold anything, further parentheses too. */
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
