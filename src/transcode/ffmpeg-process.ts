// Runs one FFmpeg for a stream. Its pipes are always drained, a failed spawn is a result and not an exception, and its end is one promise.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../protocols/clock.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { Milliseconds } from '../protocols/units.js';
import { FIRST_OUTPUT_FD } from './arguments.js';
import { type ChildSettings, DEFAULT_CHILD_SETTINGS, lowerPriority, TRANSCODE_NICENESS } from './child-settings.js';
import { StderrRing } from './stderr-ring.js';

export type SpawnProcess = (path: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

export interface FfmpegProcessOptions {
  readonly path: string;
  readonly arguments: readonly string[];
  /** Number of rendition pipes. The progress pipe comes after them. */
  readonly outputs: number;
  readonly clock: Clock;
  /** Handles failures in callbacks; when it closes, the process is killed. */
  readonly domain: FailureDomain;
  /** Called with output; the callee owns the buffer. */
  readonly onOutput: (index: number, bytes: Buffer) => void;
  readonly onProgress: (bytes: Buffer) => void;
  /** Called when the queue is empty again after `write` returned false. */
  readonly onDrain: () => void;
  readonly onStderrLine?: (line: string) => void;
  readonly spawn?: SpawnProcess;
  readonly childSettings?: ChildSettings;
  /** 0 to 19, see nice(1). Default: lower priority than the gateway. */
  readonly niceness?: number;
}

/** How the process ended. At that time all pipes have been read to their end. */
export type FfmpegExit =
  | { readonly kind: 'not-started'; readonly cause: Error }
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals };

/** If more bytes are queued for FFmpeg, `write` asks for a pause: 2 s at 8 Mbit/s. */
export const QUEUE_MARK_BYTES = 2 * 1024 * 1024;
/**
 * After the process has ended, its pipes stay open only if a child process holds them. Reading their contents takes less time than this.
 */
const PIPE_GRACE: Milliseconds = 2_000;

/** An FFmpeg process. It runs from construction on. */
export class FfmpegProcess {
  /** Resolves once, never rejects. */
  readonly exited: Promise<FfmpegExit>;
  readonly #options: FfmpegProcessOptions;
  readonly #stderr: StderrRing;
  #child: ChildProcess | undefined;
  #stdin: Writable | undefined;
  #ended = false;
  #waitsForDrain = false;

  constructor(options: FfmpegProcessOptions) {
    this.#options = options;
    this.#stderr = new StderrRing({
      ...(options.onStderrLine === undefined ? {} : { onLine: options.onStderrLine }),
    });
    this.exited = this.#start();
  }

  /** Undefined if the process could not be started. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Number of bytes that were written but not yet taken by the pipe. */
  get queuedBytes(): number {
    return this.#stdin?.writableLength ?? 0;
  }

  get stderrLines(): readonly string[] {
    return this.#stderr.lines;
  }

  /**
   * Queues bytes. After `end` or the death of the process they are dropped.
   * @returns false if the caller must wait for `onDrain`
   */
  write(buffers: readonly Buffer[]): boolean {
    const stdin = this.#stdin;
    if (stdin === undefined || this.#ended || !stdin.writable) return false;
    // One system call for all buffers.
    stdin.cork();
    for (const piece of joinSmall(buffers)) stdin.write(piece);
    stdin.uncork();
    this.#waitsForDrain = stdin.writableLength >= QUEUE_MARK_BYTES;
    return !this.#waitsForDrain;
  }

  /** Ends the input after the queued bytes. FFmpeg then flushes everything and exits. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stdin?.end();
  }

  /** Kills the process and its children at once; nothing is flushed. */
  kill(): void {
    this.#ended = true;
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    killGroup(child);
    this.#stdin?.destroy();
  }

  #start(): Promise<FfmpegExit> {
    const { path, arguments: args, outputs, childSettings, niceness = TRANSCODE_NICENESS } = this.#options;
    const { variables, directory, launcher = [] } = childSettings ?? DEFAULT_CHILD_SETTINGS;
    const [command = path, ...rest] = [...launcher, path, ...args];
    const pipes: 'pipe'[] = Array.from({ length: outputs + 1 }, () => 'pipe');
    try {
      const child = (this.#options.spawn ?? spawn)(command, rest, {
        stdio: ['pipe', 'ignore', 'pipe', ...pipes],
        shell: false,
        env: variables,
        ...(directory !== undefined && { cwd: directory }),
        // In its own process group, because Ctrl+C in a terminal must reach only the gateway, which then ends the input properly.
        detached: process.platform !== 'win32',
        windowsHide: true,
      });
      this.#child = child;
      lowerPriority(child.pid, niceness);
      return this.#watch(child);
    } catch (error) {
      // spawn throws errors other than ENOENT, EACCES, EAGAIN and EMFILE instead of emitting them.
      return Promise.resolve({ kind: 'not-started', cause: toError(error) });
    }
  }

  #watch(child: ChildProcess): Promise<FfmpegExit> {
    const { domain } = this.#options;
    const disown = domain.own(() => this.kill());
    const exited = new Promise<FfmpegExit>((resolve) => {
      child.once('error', (cause) => {
        // Also emitted if a signal cannot be sent. Then the process exists, and `close` will follow.
        if (child.pid === undefined) resolve({ kind: 'not-started', cause });
      });
      const closePipes = domain.guard('ffmpeg exit', () => this.#closePipesAfterGrace(child));
      child.once('exit', closePipes);
      child.once('close', (code, signal) => {
        disown();
        domain.attempt('ffmpeg last words', () => this.#stderr.end());
        resolve(signal === null ? { kind: 'exited', code: code ?? -1 } : { kind: 'killed', signal });
      });
    });
    this.#attachStdin(child.stdin);
    drain(
      child.stderr,
      domain.guard('ffmpeg stderr', (bytes) => this.#stderr.push(bytes)),
    );
    const { outputs, onOutput, onProgress } = this.#options;
    for (let index = 0; index < outputs; index += 1) {
      drain(
        child.stdio[FIRST_OUTPUT_FD + index],
        domain.guard('ffmpeg output', (bytes) => onOutput(index, bytes)),
      );
    }
    drain(child.stdio[FIRST_OUTPUT_FD + outputs], domain.guard('ffmpeg progress', onProgress));
    return exited;
  }

  #attachStdin(stdin: Writable | null | undefined): void {
    // Missing if the limit of descriptors left none for pipes.
    if (stdin === null || stdin === undefined) return;
    this.#stdin = stdin;
    // EPIPE: FFmpeg died or closed its input. Its exit status shows which, and why.
    stdin.on('error', () => {
      this.#ended = true;
    });
    const drained = this.#options.domain.guard('ffmpeg drain', () => {
      if (!this.#waitsForDrain) return;
      this.#waitsForDrain = false;
      this.#options.onDrain();
    });
    stdin.on('drain', drained);
  }

  #closePipesAfterGrace(child: ChildProcess): void {
    const cancel = this.#options.clock.after(PIPE_GRACE, () => {
      for (const pipe of child.stdio) pipe?.destroy();
    });
    child.once('close', cancel);
  }
}

/** A pipe that nobody reads would block FFmpeg and with it every other track. */
function drain(pipe: Readable | Writable | null | undefined, onData: (bytes: Buffer) => void): void {
  if (pipe === null || pipe === undefined) return;
  pipe.on('data', onData);
  // ECONNRESET means that the other end was killed; its exit status says why.
  pipe.on('error', () => undefined);
}

/** Kills a child that was spawned `detached`, and all processes of its group. If that fails, the child emits an error. */
export function killGroup(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  if (process.platform === 'win32') {
    child.kill('SIGKILL');
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group no longer exists, or was never created.
    child.kill('SIGKILL');
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** A write costs about as much as copying this many bytes. */
const SMALL_BYTES = 2_048;

/** Joins consecutive small buffers (headers, audio frames); large ones (pictures) are written as they are. */
function joinSmall(buffers: readonly Buffer[]): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let run: Buffer[] = [];
  const flush = (): void => {
    const [only] = run;
    if (only !== undefined) pieces.push(run.length === 1 ? only : Buffer.concat(run));
    run = [];
  };
  for (const buffer of buffers) {
    if (buffer.length <= SMALL_BYTES) {
      run.push(buffer);
    } else {
      flush();
      pieces.push(buffer);
    }
  }
  flush();
  return pieces;
}
