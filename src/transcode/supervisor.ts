// Keeps one FFmpeg alive for one stream: starts it, watches it, restarts it with patience, and ends it with everything flushed.

import type { Clock } from '../protocols/clock.js';
import { assertNever, type SluiceError } from '../protocols/errors.js';
import { StateMachine } from '../protocols/state-machine.js';
import type { Milliseconds } from '../protocols/units.js';
import { buildFfmpegArguments } from './arguments.js';
import { Backoff, DEFAULT_RESTART_POLICY, type RestartPolicy } from './backoff.js';
import { transcodeError } from './errors.js';
import { type FfmpegExit, FfmpegProcess, type SpawnProcess } from './ffmpeg-process.js';
import type { Logger } from './logger.js';
import { ProgressReader, type TranscodeProgress } from './progress.js';
import type { TranscodePlan } from './rendition-spec.js';
import { STALL_TICK, StallWatch } from './stall-watch.js';

/**
 * ```
 * idle ──start──▶ starting ──first output──▶ running
 *                  ▲    │                       │
 *     delay is over│    └──────process gone─────┤
 *                  └───── backing-off ◀─────────┤
 *                                               └──too many failures──▶ failed
 * starting, running ──stop──▶ stopping ──pipes at their end──▶ stopped ◀──stop── idle, backing-off
 * ```
 */
export type SupervisorState = 'idle' | 'starting' | 'running' | 'backing-off' | 'stopping' | 'stopped' | 'failed';

export interface TranscodeSupervisorOptions {
  readonly ffmpeg: { readonly path: string };
  readonly plan: TranscodePlan;
  readonly logger: Logger;
  /** Bytes of rendition `index`, in any cutting. The buffer is the callee's to keep. */
  readonly onOutput: (index: number, bytes: Buffer) => void;
  /**
   * A fresh FFmpeg waits for its input: from now on `write` must give the FLV header, the sequence headers, then media
   * from a key frame on. Generation 1 is the first; every byte of the generation before has been delivered.
   */
  readonly onStart: (generation: number) => void;
  /** The process of a generation is gone and its pipes are at their end. `error` is absent after `stop`. */
  readonly onExit?: (exit: { readonly generation: number; readonly error?: SluiceError }) => void;
  /** No further restart will come. */
  readonly onFailed: (error: SluiceError) => void;
  readonly onProgress?: (progress: TranscodeProgress) => void;
  /** After `write` returned false: FFmpeg has taken the queue. */
  readonly onDrain?: () => void;
  /** Takes secrets out of a line of stderr before it is kept or logged. */
  readonly redact?: (line: string) => string;
  readonly clock: Clock;
  /** Uniform in [0, 1): the jitter of the backoff. */
  readonly random?: () => number;
  readonly spawn?: SpawnProcess;
  readonly restart?: Partial<RestartPolicy>;
  /** Input time without output after which FFmpeg hangs and is killed. */
  readonly stallTimeout?: Milliseconds;
  /** How long `stop` waits for FFmpeg to flush before it kills. */
  readonly stopGrace?: Milliseconds;
}

const DEFAULT_STALL_TIMEOUT: Milliseconds = 8_000;
const DEFAULT_STOP_GRACE: Milliseconds = 3_000;
/** Lines of stderr in an error text; all that are kept go to the log. */
const LINES_IN_ERROR = 5;

/** One FFmpeg process and what is known of it. */
interface Run {
  readonly generation: number;
  readonly process: FfmpegProcess;
  readonly stall: StallWatch;
  firstOutputAt: Milliseconds | undefined;
  stalled: boolean;
  /** Why nothing more is taken from it. */
  rejected: SluiceError | undefined;
  cancelTick: () => void;
}

export class TranscodeSupervisor {
  readonly #options: TranscodeSupervisorOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #arguments: readonly string[];
  readonly #state = new StateMachine<SupervisorState>('transcode supervisor', 'idle', {
    idle: ['starting', 'stopped'],
    starting: ['running', 'backing-off', 'stopping', 'failed'],
    running: ['backing-off', 'stopping', 'failed'],
    'backing-off': ['starting', 'stopped'],
    stopping: ['stopped'],
    stopped: [],
    failed: [],
  });
  #run: Run | undefined;
  #generation = 0;
  #cancelRestart: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: TranscodeSupervisorOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#backoff = new Backoff({ ...DEFAULT_RESTART_POLICY, ...options.restart }, options.random ?? Math.random);
    this.#arguments = buildFfmpegArguments(options.plan);
  }

  get state(): SupervisorState {
    return this.#state.state;
  }

  /** True while `write` reaches an FFmpeg; otherwise bytes are dropped. */
  get accepting(): boolean {
    return this.#state.is('starting', 'running');
  }

  /** Bytes written and not yet taken by FFmpeg. */
  get queuedBytes(): number {
    return this.#run?.process.queuedBytes ?? 0;
  }

  /** Starts so far, restarts included. */
  get generation(): number {
    return this.#generation;
  }

  /** Process id of the FFmpeg at work. */
  get pid(): number | undefined {
    return this.#run?.process.pid;
  }

  /** Calls `onStart` before it returns, unless the operating system refused the process: then a restart follows. */
  start(): void {
    this.#state.to('starting');
    this.#launch();
  }

  /** Queues whole FLV tags. @returns false when the queue is over its mark, or nothing accepts: pause until `onDrain` or `onStart` */
  write(buffers: readonly Buffer[]): boolean {
    const run = this.#run;
    if (run === undefined || !this.accepting) return false;
    run.stall.noteInput();
    return run.process.write(buffers);
  }

  /**
   * Ends the input, waits until every output was delivered to its end, kills after a grace. Never rejects; idempotent.
   * After `failed` there is nothing left to do.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Like `stop`, but without a grace: what FFmpeg has not written yet is lost. */
  kill(): void {
    void this.stop();
    this.#run?.process.kill();
  }

  /**
   * What the FFmpeg at work writes cannot be used: nothing more of it is delivered, and it is killed. It counts as failed,
   * so a restart follows with the usual patience; after `stop` none does.
   */
  reject(reason: SluiceError): void {
    const run = this.#run;
    if (run === undefined || run.rejected !== undefined) return;
    run.rejected = reason;
    run.process.kill();
  }

  async #stop(): Promise<void> {
    this.#cancelRestart?.();
    if (this.#state.is('idle', 'backing-off')) this.#state.to('stopped');
    const run = this.#run;
    if (run === undefined || !this.accepting) return;
    this.#state.to('stopping');
    const cancelGrace = this.#clock.after(this.#options.stopGrace ?? DEFAULT_STOP_GRACE, () => {
      this.#options.logger.warn({ ffmpegPid: run.process.pid }, 'FFmpeg did not end with its input and is killed');
      run.process.kill();
    });
    run.process.end();
    await run.process.exited;
    cancelGrace();
  }

  #launch(): void {
    const { logger, plan, ffmpeg, redact, spawn } = this.#options;
    this.#generation += 1;
    const generation = this.#generation;
    const progress = new ProgressReader();
    const process = new FfmpegProcess({
      path: ffmpeg.path,
      arguments: this.#arguments,
      outputs: plan.renditions.length,
      clock: this.#clock,
      onOutput: (index, bytes) => this.#onOutput(run, index, bytes),
      onProgress: (bytes) => {
        for (const block of progress.push(bytes)) this.#options.onProgress?.(block);
      },
      onDrain: () => this.#options.onDrain?.(),
      onStderrLine: (line) => logger.debug({ ffmpegPid: process.pid, line }, 'FFmpeg says'),
      ...(redact === undefined ? {} : { redact }),
      ...(spawn === undefined ? {} : { spawn }),
    });
    const stall = new StallWatch(this.#options.stallTimeout ?? DEFAULT_STALL_TIMEOUT);
    const run: Run = {
      generation,
      process,
      stall,
      firstOutputAt: undefined,
      stalled: false,
      rejected: undefined,
      cancelTick: () => undefined,
    };
    this.#run = run;
    void process.exited.then((exit) => this.#onExit(run, exit));
    if (process.pid === undefined) return;
    logger.info({ ffmpegPid: process.pid, generation }, 'FFmpeg started');
    this.#watchForStall(run);
    this.#options.onStart(generation);
  }

  #onOutput(run: Run, index: number, bytes: Buffer): void {
    if (run.rejected !== undefined) return;
    run.stall.noteOutput();
    run.firstOutputAt ??= this.#clock.now();
    if (this.#state.is('starting')) this.#state.to('running');
    this.#options.onOutput(index, bytes);
  }

  #watchForStall(run: Run): void {
    run.cancelTick = this.#clock.after(STALL_TICK, () => {
      if (run.stall.tick(run.process.queuedBytes) && this.accepting) {
        run.stalled = true;
        run.process.kill();
      } else {
        this.#watchForStall(run);
      }
    });
  }

  #onExit(run: Run, exit: FfmpegExit): void {
    const { logger, onExit } = this.#options;
    const { generation, process } = run;
    run.cancelTick();
    this.#run = undefined;
    if (this.#state.is('stopping')) {
      this.#state.to('stopped');
      logger.info({ ffmpegPid: process.pid, generation, exit }, 'FFmpeg ended');
      onExit?.({ generation });
      return;
    }
    const error = exitError(exit, run);
    const ranFor = run.firstOutputAt === undefined ? 0 : this.#clock.now() - run.firstOutputAt;
    const delay = this.#backoff.fail(this.#clock.now(), ranFor);
    const fields = { ffmpegPid: process.pid, generation, code: error.code, exit, stderr: process.stderrLines };
    if (delay === undefined) {
      this.#state.to('failed');
      logger.error(fields, 'FFmpeg failed too often');
      onExit?.({ generation, error });
      this.#options.onFailed(
        transcodeError('transcode.gave-up', `after ${generation} starts: ${error.message}`, { cause: error }),
      );
      return;
    }
    this.#state.to('backing-off');
    logger.warn({ ...fields, restartIn: Math.round(delay) }, 'FFmpeg failed and will be started again');
    this.#cancelRestart = this.#clock.after(delay, () => this.start());
    onExit?.({ generation, error });
  }
}

function exitError(exit: FfmpegExit, run: Run): SluiceError {
  const lines = run.process.stderrLines.slice(-LINES_IN_ERROR);
  const said = lines.length === 0 ? '' : `; it said: ${lines.join(' | ')}`;
  if (run.rejected !== undefined) {
    return transcodeError('transcode.output-invalid', `${run.rejected.message}${said}`, { cause: run.rejected });
  }
  if (run.stalled) return transcodeError('transcode.stalled', `FFmpeg took input but gave no output${said}`);
  switch (exit.kind) {
    case 'not-started':
      return transcodeError('transcode.start-failed', exit.cause.message, { cause: exit.cause });
    case 'exited':
      return transcodeError('transcode.exited', `FFmpeg exited with code ${exit.code} before its input ended${said}`);
    case 'killed':
      return transcodeError('transcode.exited', `FFmpeg was ended by ${exit.signal} before its input ended${said}`);
    default:
      return assertNever(exit);
  }
}
