// Counts resources (descriptors, timers, children) before a gateway in this process starts and after it has closed: none may be left behind.
import { readdir } from 'node:fs/promises';
import { ffmpegChildren } from './processes.js';

export interface Holdings {
  readonly ffmpegs: number;
  readonly descriptors: number;
  readonly timers: number;
}

export async function holdings(): Promise<Holdings> {
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout' || kind === 'Immediate').length;
  return {
    ffmpegs: (await ffmpegChildren()).length,
    descriptors: (await readdir('/proc/self/fd')).length,
    timers,
  };
}
