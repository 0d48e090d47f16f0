// What a gateway in this process may not leave behind: counted before it starts and after it closed.
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
