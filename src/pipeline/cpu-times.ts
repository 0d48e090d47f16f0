// Reads how much processor time exists and how much is used, by this program and by others. In a container with a processor limit, that is
// the time of the container, otherwise of the machine.
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';

/** Processor time of all cores since a fixed moment, in any unit. */
export interface CpuTimes {
  readonly busy: number;
  readonly total: number;
  /** The part of `busy` used by this process and its children, including those that have ended; undefined if unknown. */
  readonly ours?: number | undefined;
}

export interface Processors {
  /** A whole number, at least 1. */
  readonly count: number;
  readonly times: () => CpuTimes;
}

/** Where a container sees its own control group (version 2). */
const CONTROL_GROUP = '/sys/fs/cgroup';

/** Milliseconds per clock tick, the unit of /proc: USER_HZ is 100 on every Linux that Node runs on. */
const MILLISECONDS_PER_TICK = 10;

/** @param controlGroup directory with `cpu.max` and `cpu.stat`; if these are missing or set no limit, the machine is measured */
export function findProcessors(controlGroup = CONTROL_GROUP): Processors {
  const quota = readQuota(controlGroup);
  if (quota === undefined || readUsage(controlGroup) === undefined) {
    return { count: availableParallelism(), times: machineTimes };
  }
  return {
    count: Math.max(1, Math.min(availableParallelism(), Math.floor(quota))),
    // Microseconds, like cpu.stat.
    times: () => {
      const ours = readOurs();
      return {
        busy: readUsage(controlGroup) ?? 0,
        total: performance.now() * 1000 * quota,
        ours: ours === undefined ? undefined : ours * 1000,
      };
    },
  };
}

/** @returns milliseconds; undefined without /proc (proc(5)) */
function readOurs(): number | undefined {
  const own = readTicks('self');
  const children = readText(`/proc/self/task/${process.pid}/children`).split(' ');
  if (own === undefined) return undefined;
  let ticks = own.used + own.ofEnded;
  for (const pid of children) ticks += (pid === '' ? undefined : readTicks(pid))?.used ?? 0;
  return ticks * MILLISECONDS_PER_TICK;
}

/** Fields 14 to 17 of /proc/PID/stat: utime, stime, cutime, cstime. They follow the name, which may contain anything. */
function readTicks(pid: string): { readonly used: number; readonly ofEnded: number } | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number);
  if (user === undefined || system === undefined || endedUser === undefined || endedSystem === undefined)
    return undefined;
  return { used: user + system, ofEnded: endedUser + endedSystem };
}

/** `cpu.max`: microseconds per period and the period, or `max`. @returns the number of processors */
function readQuota(controlGroup: string): number | undefined {
  const [quota, period] = readText(join(controlGroup, 'cpu.max')).split(/\s/).map(Number);
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return undefined;
  return quota / period;
}

/** Microseconds used by all of its processes so far. */
function readUsage(controlGroup: string): number | undefined {
  const usage = /^usage_usec (\d+)$/m.exec(readText(join(controlGroup, 'cpu.stat')))?.[1];
  return usage === undefined ? undefined : Number(usage);
}

/** Empty if there is no such file. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Times of the whole machine, including other programs. */
function machineTimes(): CpuTimes {
  let [busy, total] = [0, 0];
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    total += all;
    busy += all - times.idle;
  }
  return { busy, total, ours: readOurs() };
}
