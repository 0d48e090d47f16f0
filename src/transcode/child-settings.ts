// Limits for FFmpeg, which parses media from untrusted publishers: little memory, lower priority than the gateway, an empty working
// directory, no new privileges.
import { spawn } from 'node:child_process';
import { access, constants, mkdir } from 'node:fs/promises';
import { setPriority, totalmem } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { type ChildEnvironment, DEFAULT_CHILD_ENVIRONMENT } from './child-environment.js';

export interface ChildSettings {
  readonly variables: ChildEnvironment;
  /** Working directory; if undefined, that of the gateway. */
  readonly directory?: string | undefined;
  /** A program with arguments that applies the limits and then becomes FFmpeg (exec), so the process id stays the same. */
  readonly launcher?: readonly string[] | undefined;
}

export const DEFAULT_CHILD_SETTINGS: ChildSettings = { variables: DEFAULT_CHILD_ENVIRONMENT };

/**
 * Limit of the private writable memory of one FFmpeg (RLIMIT_DATA), in bytes. It includes address space that its threads reserve: a 720p
 * source with three rungs reserves 0.6 GB and uses 0.25 GB.
 */
const MAX_CHILD_MEMORY = 3 * 1024 ** 3;

/** Maximum share of the machine's memory. The gateway and the kernel need the rest. */
const MAX_SHARE_OF_MACHINE = 0.75;

/** The priority is lower than that of the gateway and higher than that of thumbnails. */
export const TRANSCODE_NICENESS = 5;
export const THUMBNAIL_NICENESS = 10;

export interface ChildSettingsOptions {
  readonly variables: ChildEnvironment;
  /** Created if missing, accessible to the owner only. */
  readonly directory: string;
  /** Where to look for `setpriv` and `prlimit` (util-linux). */
  readonly searchPath: string;
  /** FFmpeg itself: a launcher must be able to start it. */
  readonly ffmpeg: string;
  /** Bytes. Default 3 GiB, or three quarters of the machine's memory. */
  readonly maxMemory?: number;
}

export interface FoundChildSettings {
  readonly settings: ChildSettings;
  /** One sentence for each limit that this system does not support. */
  readonly missing: readonly string[];
}

/**
 * Tries each limit by running FFmpeg under it; limits that do not work here are left out and reported. Never rejects because of a missing
 * limit.
 */
export async function findChildSettings(options: ChildSettingsOptions): Promise<FoundChildSettings> {
  const { variables, directory, searchPath, ffmpeg } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const maxMemory = options.maxMemory ?? Math.min(MAX_CHILD_MEMORY, Math.floor(totalmem() * MAX_SHARE_OF_MACHINE));
  const wrappers = [
    // The kernel kills FFmpeg when the process that started it dies. This works even for a stopped FFmpeg, which would not notice the end
    // of its input.
    { program: 'setpriv', args: ['--pdeathsig', 'KILL', '--'], gives: 'a sure end if the gateway is killed' },
    { program: 'setpriv', args: ['--no-new-privs', '--'], gives: 'a bar to new privileges' },
    { program: 'prlimit', args: [`--data=${maxMemory}`, '--core=0', '--'], gives: 'a memory limit' },
  ];
  const launcher: string[] = [];
  const missing: string[] = [];
  for (const { program, args, gives } of wrappers) {
    const path = await findProgram(program, searchPath);
    if (path !== undefined && (await starts([...launcher, path, ...args, ffmpeg, '-version'], variables, directory))) {
      launcher.push(path, ...args);
    } else {
      missing.push(`FFmpeg runs without ${gives}: ${program} of util-linux is not there or not allowed`);
    }
  }
  return { settings: { variables, directory, ...(launcher.length > 0 && { launcher }) }, missing };
}

async function findProgram(name: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(delimiter).filter(isAbsolute)) {
    const path = join(directory, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/** Enough for a slow disk; FFmpeg itself has just been checked. */
const START_TIMEOUT = 15_000;

function starts([command = '', ...args]: readonly string[], env: ChildEnvironment, cwd: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, cwd, stdio: 'ignore', timeout: START_TIMEOUT, killSignal: 'SIGKILL' });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

/** Lowers the priority. If the system forbids it, or the process has already ended, nothing happens. */
export function lowerPriority(pid: number | undefined, niceness: number): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, niceness);
  } catch {
    // In both cases there is nothing to do.
  }
}
