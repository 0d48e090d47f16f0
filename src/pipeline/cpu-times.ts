// How much processor time there is and how much is used: of the container where it has a limit, as its host's processors are not ours, else of the machine.
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';

/** Processor time of all cores since some moment, in any unit. */
export interface CpuTimes {
  readonly busy: number;
  readonly total: number;
}

export interface Processors {
  /** Whole ones, at least 1. */
  readonly count: number;
  readonly times: () => CpuTimes;
}

/** Where a container sees its own control group (version 2). */
const CONTROL_GROUP = '/sys/fs/cgroup';

/** @param controlGroup directory with `cpu.max` and `cpu.stat`; without them, or without a limit there, the machine counts */
export function findProcessors(controlGroup = CONTROL_GROUP): Processors {
  const quota = readQuota(controlGroup);
  if (quota === undefined || readUsage(controlGroup) === undefined) {
    return { count: availableParallelism(), times: machineTimes };
  }
  return {
    count: Math.max(1, Math.min(availableParallelism(), Math.floor(quota))),
    // Microseconds, as cpu.stat has them.
    times: () => ({ busy: readUsage(controlGroup) ?? 0, total: performance.now() * 1000 * quota }),
  };
}

/** `cpu.max`: microseconds in each period and the period, or `max`. @returns processors */
function readQuota(controlGroup: string): number | undefined {
  const [quota, period] = readText(join(controlGroup, 'cpu.max')).split(/\s/).map(Number);
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return undefined;
  return quota / period;
}

/** Microseconds of all of its processes so far. */
function readUsage(controlGroup: string): number | undefined {
  const usage = /^usage_usec (\d+)$/m.exec(readText(join(controlGroup, 'cpu.stat')))?.[1];
  return usage === undefined ? undefined : Number(usage);
}

/** Empty where there is no such file. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Other programs need it as well. */
function machineTimes(): CpuTimes {
  let [busy, total] = [0, 0];
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    total += all;
    busy += all - times.idle;
  }
  return { busy, total };
}
