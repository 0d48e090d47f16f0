// Keeps one FFmpeg alive for one stream: starts it, watches it, restarts it with backoff, and stops it in such a way that all output is
// flushed.

import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { Milliseconds } from '../protocols/units.js';
import { buildFfmpegArguments } from './arguments.js';
import { Backoff, DEFAULT_RESTART_POLICY } from './backoff.js';
import { transcodeError } from './errors.js';
import { exitError } from './exit-error.js';
import { type FfmpegExit, FfmpegProcess } from './ffmpeg-process.js';
import { LoadMeter } from './load-meter.js';
import { readProcessActivity } from './process-activity.js';
import { ProgressReader, type TranscodeProgress } from './progress.js';
import type { TranscodePlan } from './rendition-spec.js';
import { STALL_TICK, StallWatch, stallLimits } from './stall-watch.js';
import type { TranscodeSupervisorOptions } from './supervisor-options.js';
import { type SupervisorState, supervisorStateMachine } from './supervisor-state.js';

const DEFAULT_STOP_GRACE: Milliseconds = 3_000;
const DEFAULT_REPLACE_GRACE: Milliseconds = 1_000;

/** One FFmpeg process and what is known about it. */
interface Run {
  readonly generation: number;
  readonly plan: TranscodePlan;
  readonly process: FfmpegProcess;
  readonly stall: StallWatch;
  readonly load: LoadMeter;
  firstOutputAt: Milliseconds | undefined;
  /** The latest output time that its progress reported. */
  madeUntil: Milliseconds | undefined;
  stalled: boolean;
  /** Why its output is rejected; undefined if it is not. */
  rejected: SluiceError | undefined;
  cancelTick: () => void;
  cancelGrace: () => void;
}

export class TranscodeSupervisor {
  readonly #options: TranscodeSupervisorOptions;
  readonly #clock: Clock;
  readonly #domain: FailureDomain;
  readonly #backoff: Backoff;
  #plan: TranscodePlan;
  readonly #state = supervisorStateMachine();
  #run: Run | undefined;
  #generation = 0;
  #cancelRestart: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: TranscodeSupervisorOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#domain = options.domain;
    this.#backoff = new Backoff({ ...DEFAULT_RESTART_POLICY, ...options.restart }, options.random ?? Math.random);
    this.#plan = checked(options.plan, options);
  }

  get state(): SupervisorState {
    return this.#state.state;
  }

  /** Whether `write` reaches an FFmpeg; otherwise its bytes are dropped. */
  get accepting(): boolean {
    return this.#state.is('starting', 'running');
  }

  /** The plan of the running FFmpeg, or of the next one. */
  get plan(): TranscodePlan {
    return this.#plan;
  }

  /** Number of bytes that were written but not yet taken by FFmpeg. */
  get queuedBytes(): number {
    return this.#run?.process.queuedBytes ?? 0;
  }

  /** Number of starts so far, including restarts. */
  get generation(): number {
    return this.#generation;
  }

  /** Process id of the running FFmpeg. */
  get pid(): number | undefined {
    return this.#run?.process.pid;
  }

  /**
   * Calls `onStart` before it returns, except in two cases: the operating system could not start the process, so a restart follows; or a
   * plan with regular key frames waits for the first picture.
   */
  start(): void {
    const firstPicture = this.#plan.keyFrames === 'regular' ? this.#options.firstPicture?.() : 0;
    if (firstPicture === undefined) {
      if (!this.#state.is('waiting')) this.#state.to('waiting');
      return;
    }
    this.#state.to('starting');
    this.#launch(firstPicture);
  }

  /**
   * Queues whole FLV tags.
   * @returns false if the queue is over its mark, or no FFmpeg accepts input: then pause until `onDrain` or `onStart`
   */
  write(buffers: readonly Buffer[]): boolean {
    const run = this.#run;
    if (run === undefined || !this.accepting) return false;
    run.stall.noteInput();
    return run.process.write(buffers);
  }

  /**
   * Ends the input, waits until all output was delivered, and kills the process after a grace period. Never rejects; idempotent. Does
   * nothing after `failed`.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#domain.settled('ffmpeg stop', () => this.#stop());
    return this.#stopped;
  }

  /** Like `stop`, but without a grace period: output that FFmpeg has not written yet is lost. */
  kill(): void {
    this.#domain.run('ffmpeg kill', () => this.stop());
    this.#run?.process.kill();
  }

  /**
   * Rejects the output of the running FFmpeg as unusable: no more of it is delivered, and FFmpeg is killed. This counts as a failure, so a
   * restart follows with the usual backoff, except after `stop`.
   */
  reject(reason: SluiceError): void {
    const run = this.#run;
    if (run === undefined || run.rejected !== undefined) return;
    run.rejected = reason;
    run.process.kill();
  }

  /**
   * Call with the decode time of each tag of a track that is fed to FFmpeg, even if FFmpeg is behind and the tag is still queued. `onLoad`
   * is measured against these times.
   */
  noteReceived(time: Milliseconds, track: 'video' | 'audio' = 'video'): void {
    this.#run?.load.noteReceived(time, this.#clock.now(), track);
    if (this.#state.is('waiting')) this.start();
  }

  /**
   * Switches to another plan. The running FFmpeg ends with its input, its flushed output is delivered under the old names, then the next
   * one starts (`onExit` without an error, `onStart` with the next generation). If a restart is pending, only the plan changes. Does
   * nothing after `stop` or a final failure.
   * @throws {TypeError} for a plan without renditions: call `stop` instead
   */
  replacePlan(plan: TranscodePlan): void {
    this.#plan = checked(plan, this.#options);
    const run = this.#run;
    if (run === undefined || !this.accepting) return;
    this.#state.to('replacing');
    this.#endInput(run, this.#options.replaceGrace ?? DEFAULT_REPLACE_GRACE);
  }

  async #stop(): Promise<void> {
    this.#cancelRestart?.();
    const run = this.#run;
    // No process runs before the start, between two starts, and, inside `onExit`, between two plans.
    if (run === undefined && this.#state.can('stopped')) this.#state.to('stopped');
    if (run === undefined || !this.#state.can('stopping')) return;
    this.#state.to('stopping');
    this.#endInput(run, this.#options.stopGrace ?? DEFAULT_STOP_GRACE);
    await run.process.exited;
  }

  #endInput(run: Run, grace: Milliseconds): void {
    run.cancelGrace();
    run.cancelGrace = this.#clock.after(grace, () => {
      this.#options.logger.warn({ ffmpegPid: run.process.pid }, 'FFmpeg did not end with its input and is killed');
      run.process.kill();
    });
    run.process.end();
  }

  #launch(firstPicture: Milliseconds): void {
    const { logger, ffmpeg, spawn, childSettings } = this.#options;
    const plan = this.#plan;
    this.#generation += 1;
    const generation = this.#generation;
    const progress = new ProgressReader();
    const process = new FfmpegProcess({
      path: ffmpeg.path,
      arguments: buildFfmpegArguments(plan, firstPicture, this.#options.wantedFrom?.()),
      outputs: plan.renditions.length,
      clock: this.#clock,
      domain: this.#domain,
      onOutput: (index, bytes) => this.#onOutput(run, index, bytes),
      onProgress: (bytes) => {
        for (const block of progress.push(bytes)) this.#onProgress(run, block);
      },
      onDrain: () => this.#options.onDrain?.(),
      onStderrLine: (line) => logger.debug({ ffmpegPid: process.pid, line }, 'FFmpeg says'),
      ...(spawn === undefined ? {} : { spawn }),
      ...(childSettings === undefined ? {} : { childSettings }),
    });
    const run: Run = {
      generation,
      plan,
      process,
      stall: new StallWatch({ ...stallLimits(plan), ...this.#options.stall }),
      load: new LoadMeter(),
      firstOutputAt: undefined,
      madeUntil: undefined,
      stalled: false,
      rejected: undefined,
      cancelTick: () => undefined,
      cancelGrace: () => undefined,
    };
    this.#run = run;
    this.#domain.run('ffmpeg ended', async () => this.#onExit(run, await process.exited));
    if (process.pid === undefined) return;
    logger.info({ ffmpegPid: process.pid, generation }, 'FFmpeg started');
    this.#watchForStall(run, process.pid);
    this.#options.onStart(generation);
  }

  #onOutput(run: Run, index: number, bytes: Buffer): void {
    const rendition = run.plan.renditions[index]?.name;
    if (run.rejected !== undefined || rendition === undefined) return;
    run.stall.noteOutput();
    run.firstOutputAt ??= this.#clock.now();
    if (this.#state.is('starting')) this.#state.to('running');
    this.#options.onOutput(rendition, bytes);
  }

  #onProgress(run: Run, progress: TranscodeProgress): void {
    this.#options.onProgress?.(progress);
    const { outputTime } = progress;
    if (outputTime !== undefined && outputTime > (run.madeUntil ?? Number.NEGATIVE_INFINITY)) {
      run.madeUntil = outputTime;
      run.stall.noteProgress();
    }
    if (!this.accepting) return;
    const load = run.load.report(progress, run.process.queuedBytes, this.#clock.now());
    if (load !== undefined) this.#options.onLoad?.(load);
  }

  #watchForStall(run: Run, pid: number): void {
    run.cancelTick = this.#clock.after(STALL_TICK, () => {
      if (this.accepting && run.stall.tick(run.process.queuedBytes, () => readProcessActivity(pid))) {
        run.stalled = true;
        run.process.kill();
      } else {
        this.#watchForStall(run, pid);
      }
    });
  }

  #onExit(run: Run, exit: FfmpegExit): void {
    const { logger, onExit } = this.#options;
    const { generation, process } = run;
    run.cancelTick();
    run.cancelGrace();
    this.#run = undefined;
    if (this.#state.is('stopping', 'replacing')) {
      if (this.#state.is('stopping')) this.#state.to('stopped');
      logger.info({ ffmpegPid: process.pid, generation, exit }, 'FFmpeg ended');
      onExit?.({ generation });
      if (this.#state.is('replacing')) this.start();
      return;
    }
    const { stalled, rejected } = run;
    const error = exitError({ exit, stderrLines: process.stderrLines, stalled, rejected });
    const ranFor = run.firstOutputAt === undefined ? 0 : this.#clock.now() - run.firstOutputAt;
    const delivered = this.#options.delivered?.() ?? false;
    const delay = this.#backoff.fail({ ranFor, delivered, faulty: stalled || rejected !== undefined });
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

/** Validates a plan where it is made, not only at the next restart. */
function checked(plan: TranscodePlan, options: Pick<TranscodeSupervisorOptions, 'firstPicture'>): TranscodePlan {
  buildFfmpegArguments(plan);
  if (plan.keyFrames === 'regular' && options.firstPicture === undefined) {
    throw new TypeError('got regular key frames without firstPicture, expected it');
  }
  return plan;
}
