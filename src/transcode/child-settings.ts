// FFmpeg parses media from strangers: it runs with little memory, behind the gateway, in an empty directory and without a way to more rights.
import { spawn } from 'node:child_process';
import { access, constants, mkdir } from 'node:fs/promises';
import { setPriority, totalmem } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { type ChildEnvironment, DEFAULT_CHILD_ENVIRONMENT } from './child-environment.js';

export interface ChildSettings {
  readonly variables: ChildEnvironment;
  /** Working directory; undefined: the gateway's. */
  readonly directory?: string | undefined;
  /** A program and its arguments that take on the limits and then become FFmpeg (exec): the process id stays the same. */
  readonly launcher?: readonly string[] | undefined;
}

export const DEFAULT_CHILD_SETTINGS: ChildSettings = { variables: DEFAULT_CHILD_ENVIRONMENT };

/**
 * Private writable memory of one FFmpeg (RLIMIT_DATA), address space that its threads have reserved included: a 720p source into
 * three rungs takes 0.6 GB of it and 0.25 GB of real memory.
 */
export const MAX_CHILD_MEMORY = 3 * 1024 ** 3;

/** Of the memory of the machine, for the rest of which the gateway and the kernel have a use. */
const MAX_SHARE_OF_MACHINE = 0.75;

/** Behind the gateway, before thumbnails. */
export const TRANSCODE_NICENESS = 5;
export const THUMBNAIL_NICENESS = 10;

export interface ChildSettingsOptions {
  readonly variables: ChildEnvironment;
  /** Made when it is missing, for the owner alone. */
  readonly directory: string;
  /** Where `setpriv` and `prlimit` (util-linux) are looked for. */
  readonly searchPath: string;
  /** FFmpeg itself: what limits it must be able to start it. */
  readonly ffmpeg: string;
  /** Bytes. Default 3 GiB, or three quarters of the machine's memory. */
  readonly maxMemory?: number;
}

export interface FoundChildSettings {
  readonly settings: ChildSettings;
  /** What this system does not offer, one sentence each. */
  readonly missing: readonly string[];
}

/** Tries each limit by running FFmpeg under it; what does not work here is left out and told. Never rejects for want of a limit. */
export async function findChildSettings(options: ChildSettingsOptions): Promise<FoundChildSettings> {
  const { variables, directory, searchPath, ffmpeg } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const maxMemory = options.maxMemory ?? Math.min(MAX_CHILD_MEMORY, Math.floor(totalmem() * MAX_SHARE_OF_MACHINE));
  const wrappers = [
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

/** Long enough for a slow disk: FFmpeg itself has just been proven. */
const START_TIMEOUT = 15_000;

function starts([command = '', ...args]: readonly string[], env: ChildEnvironment, cwd: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, cwd, stdio: 'ignore', timeout: START_TIMEOUT, killSignal: 'SIGKILL' });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

/** A system that forbids it, or a process that has ended already: it runs all the same. */
export function lowerPriority(pid: number | undefined, niceness: number): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, niceness);
  } catch {
    // Nothing to do about either.
  }
}
