// Everything an FFmpeg may do to a gateway, done by small programs and by the real one: nothing hangs, leaks or is lost.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SluiceError } from '../../src/protocols/errors.js';
import { QUEUE_MARK_BYTES } from '../../src/transcode/ffmpeg-process.js';
import { fitLadder } from '../../src/transcode/ladder.js';
import { TranscodeSupervisor, type TranscodeSupervisorOptions } from '../../src/transcode/supervisor.js';
import { ManualClock } from '../support/manual-clock.js';
import { npmFfmpeg } from '../support/processes.js';
import { type FlvSource, makeFlvSource, tagBuffers } from './flv-source.js';
import { type LoggedLine, recordingLogger } from './silent-logger.js';
import { TrackRecorder } from './track-recorder.js';

const AUDIO = { codec: 'aac', objectType: 2, sampleRate: 48_000, channels: 2 } as const;
const PLAN = {
  source: { audio: AUDIO },
  renditions: fitLadder(['source'], { audio: AUDIO }),
  partDuration: 0.5,
};

function fixture(name: string): { path: string } {
  return { path: fileURLToPath(new URL(`fixtures/${name}.mjs`, import.meta.url)) };
}

/** A supervisor whose life is recorded, whose events can be awaited, and whose process does not outlive the test. */
function supervise(options: Partial<TranscodeSupervisorOptions> & Pick<TranscodeSupervisorOptions, 'ffmpeg'>) {
  const clock = new ManualClock();
  const log: LoggedLine[] = [];
  const events: string[] = [];
  const errors: SluiceError[] = [];
  const waiting: { readonly event: string; readonly resolve: () => void }[] = [];
  const outputs: Buffer[] = [];
  const tell = (event: string): void => {
    events.push(event);
    for (const waiter of waiting.filter((one) => one.event === event)) waiter.resolve();
  };
  const supervisor = new TranscodeSupervisor({
    plan: PLAN,
    logger: recordingLogger(log),
    clock,
    random: () => 0,
    ...options,
    onStart: (generation) => {
      options.onStart?.(generation);
      tell(`start ${generation}`);
    },
    onOutput: (index, bytes) => {
      options.onOutput?.(index, bytes);
      outputs.push(bytes);
      tell('output');
    },
    onDrain: () => tell('drain'),
    onExit: ({ generation, error }) => {
      if (error !== undefined) errors.push(error);
      tell(`exit ${generation}`);
      options.onExit?.({ generation });
    },
    onFailed: (error) => {
      errors.push(error);
      tell('failed');
    },
  });
  onTestFinished(async () => {
    supervisor.kill();
    await supervisor.stop();
  });
  /** Resolves at the next event of this name, or at once if there was one. */
  const seen = (event: string): Promise<void> =>
    events.includes(event) ? Promise.resolve() : new Promise((resolve) => waiting.push({ event, resolve }));
  return { supervisor, clock, log, events, errors, outputs, seen };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A process of another parent tells nobody when it ends. */
async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('TranscodeSupervisor with small programs', () => {
  it('hands on every byte before stop resolves', async () => {
    const { supervisor, events, outputs } = supervise({ ffmpeg: fixture('echoes') });
    supervisor.start();
    expect(events).toEqual(['start 1']);
    const bytes = Buffer.alloc(5_000_000, 7);
    supervisor.write([bytes.subarray(0, 10), bytes.subarray(10)]);
    await supervisor.stop();
    expect(Buffer.concat(outputs).equals(bytes)).toBe(true);
    expect(supervisor.state).toBe('stopped');
    expect(events.at(-1)).toBe('exit 1');
  });

  it('asks for a pause when the queue is long, and says when it is gone', async () => {
    const { supervisor, seen } = supervise({ ffmpeg: fixture('echoes') });
    supervisor.start();
    expect(supervisor.write([Buffer.alloc(QUEUE_MARK_BYTES * 2)])).toBe(false);
    expect(supervisor.queuedBytes).toBeGreaterThan(0);
    await seen('drain');
    expect(supervisor.queuedBytes).toBe(0);
    expect(supervisor.write([Buffer.alloc(1)])).toBe(true);
  });

  it('C4.01 tries again with growing delays when FFmpeg exits at once, then gives up with its last words', async () => {
    const delays: number[] = [];
    const { supervisor, clock, events, errors, seen } = supervise({
      ffmpeg: fixture('dies-at-once'),
      onExit: () => {
        const delay = clock.pending.at(-1);
        if (supervisor.state !== 'backing-off' || delay === undefined) return;
        delays.push(delay);
        clock.advance(delay);
      },
    });
    supervisor.start();
    await seen('failed');
    expect(delays).toEqual([125, 250, 500, 1000]);
    expect(events.filter((event) => event.startsWith('start'))).toHaveLength(5);
    expect(supervisor.state).toBe('failed');
    expect(errors[0]).toMatchObject({ code: 'transcode.exited' });
    expect(errors.at(-1)).toMatchObject({ code: 'transcode.gave-up' });
    expect(errors.at(-1)?.message).toContain('Unknown encoder | [error] Conversion failed!');
    expect(clock.pending).toEqual([]);
    await supervisor.stop();
    expect(supervisor.state).toBe('failed');
  });

  it.each([
    { what: 'is missing', path: '/nowhere/ffmpeg', message: 'ENOENT' },
    { what: 'may not be executed', path: '/etc/passwd', message: 'EACCES' },
    { what: 'is below a file', path: '/etc/passwd/ffmpeg', message: 'ENOTDIR' },
  ])('C4.01 treats a program that $what as a failed start', async ({ path, message }) => {
    const { supervisor, clock, errors, events, seen } = supervise({
      ffmpeg: { path },
      onExit: () => clock.advance(10_000),
    });
    supervisor.start();
    await seen('failed');
    expect(errors[0]).toMatchObject({ code: 'transcode.start-failed' });
    expect(errors[0]?.message).toContain(message);
    expect(events.filter((event) => event.startsWith('start'))).toEqual([]);
    expect(clock.pending).toEqual([]);
  });

  it('C4.01 kills and restarts an FFmpeg that takes input and gives nothing', async () => {
    const { supervisor, clock, errors, seen } = supervise({ ffmpeg: fixture('takes-and-gives-nothing') });
    supervisor.start();
    for (let second = 0; second < 8; second += 1) {
      supervisor.write([Buffer.alloc(100)]);
      clock.advance(1_000);
    }
    await seen('exit 1');
    expect(errors[0]).toMatchObject({ code: 'transcode.stalled' });
    expect(supervisor.state).toBe('backing-off');
    clock.advance(10_000);
    await seen('start 2');
  });

  it('C4.01 kills an FFmpeg that never reads, although nothing more is written', async () => {
    const { supervisor, clock, errors, seen } = supervise({ ffmpeg: fixture('never-reads') });
    supervisor.start();
    expect(supervisor.write([Buffer.alloc(QUEUE_MARK_BYTES)])).toBe(false);
    clock.advance(8_000);
    await seen('exit 1');
    expect(errors[0]).toMatchObject({ code: 'transcode.stalled' });
    expect(supervisor.queuedBytes).toBe(0);
  });

  it('leaves FFmpeg alone while the publisher is silent', async () => {
    const { supervisor, clock, errors, log, seen } = supervise({ ffmpeg: fixture('echoes') });
    supervisor.start();
    supervisor.write([Buffer.alloc(100)]);
    await seen('output');
    clock.advance(3_600_000);
    await supervisor.stop();
    expect(errors).toEqual([]);
    expect(log.at(-1)?.fields.exit).toEqual({ kind: 'exited', code: 0 });
  });

  it('C3.05 keeps little and printable of a flood on stderr', async () => {
    const { supervisor, log, errors, seen } = supervise({ ffmpeg: fixture('floods-stderr') });
    supervisor.start();
    await seen('exit 1');
    expect(errors[0]?.message).toContain('code 3');
    const kept = log.find(({ level }) => level === 'warn')?.fields.stderr as string[];
    expect(kept).toHaveLength(40);
    expect(Math.max(...kept.map((line) => line.length))).toBeLessThanOrEqual(400);
    expect(kept.some((line) => /\p{C}/u.test(line))).toBe(false);
    expect(kept.at(-2)).toContain('[warning] line 19999');
  });

  it('takes secrets out of stderr before it logs them', async () => {
    const { supervisor, log, errors, seen } = supervise({
      ffmpeg: fixture('dies-at-once'),
      redact: (line) => line.replaceAll('encoder', '***'),
    });
    supervisor.start();
    await seen('exit 1');
    expect(errors[0]?.message).toContain('Unknown ***');
    expect(JSON.stringify(log)).not.toContain('encoder');
  });

  it('C4.01 survives EPIPE', async () => {
    const { supervisor, clock, seen } = supervise({ ffmpeg: fixture('closes-stdin') });
    supervisor.start();
    await seen('output');
    supervisor.write([Buffer.alloc(1_000_000)]);
    const stopped = supervisor.stop();
    clock.advance(3_000);
    await stopped;
    expect(supervisor.state).toBe('stopped');
  });

  it('kills after the grace an FFmpeg that does not end with its input', async () => {
    const { supervisor, clock, log } = supervise({ ffmpeg: fixture('takes-and-gives-nothing') });
    supervisor.start();
    const pid = supervisor.pid ?? 0;
    const stopped = supervisor.stop();
    clock.advance(2_999);
    expect(isAlive(pid)).toBe(true);
    clock.advance(1);
    await stopped;
    expect(isAlive(pid)).toBe(false);
    expect(log.at(-1)?.fields.exit).toEqual({ kind: 'killed', signal: 'SIGKILL' });
    expect(clock.pending).toEqual([]);
  });

  it('kills what a wrapper script started, too', async () => {
    const { supervisor, outputs, seen } = supervise({ ffmpeg: fixture('starts-another') });
    supervisor.start();
    await seen('output');
    const inner = Number(Buffer.concat(outputs).toString());
    expect(isAlive(inner)).toBe(true);
    supervisor.kill();
    await supervisor.stop();
    await untilGone(inner);
  });

  it('C4.01 kills one whose output is rejected, delivers nothing more of it and starts another', async () => {
    const { supervisor, clock, errors, events, seen } = supervise({
      ffmpeg: fixture('echoes'),
      onOutput: () => supervisor.reject(new SluiceError('test.nonsense', 'invalid-data', 'got nonsense')),
      onExit: () => clock.advance(125),
    });
    supervisor.start();
    supervisor.write([Buffer.alloc(5_000_000)]);
    await seen('start 2');
    expect(events).toEqual(['start 1', 'output', 'exit 1', 'start 2']);
    expect(errors).toMatchObject([{ code: 'transcode.output-invalid', cause: { code: 'test.nonsense' } }]);
  });

  it('ends without an error when what it flushes is rejected', async () => {
    const { supervisor, errors } = supervise({
      ffmpeg: fixture('echoes'),
      onOutput: () => supervisor.reject(new SluiceError('test.nonsense', 'invalid-data', 'got nonsense')),
    });
    supervisor.start();
    supervisor.write([Buffer.alloc(1000)]);
    await supervisor.stop();
    expect(supervisor.state).toBe('stopped');
    expect(errors).toEqual([]);
  });

  it('does not start again when it is stopped while it waits for that', async () => {
    const { supervisor, clock, events, seen } = supervise({ ffmpeg: fixture('dies-at-once') });
    supervisor.start();
    await seen('exit 1');
    expect(supervisor.write([Buffer.alloc(1)])).toBe(false);
    await supervisor.stop();
    clock.advance(60_000);
    expect(supervisor.state).toBe('stopped');
    expect(events).toEqual(['start 1', 'exit 1']);
  });

  it('can be stopped before it was started, twice, and never starts again', async () => {
    const { supervisor } = supervise({ ffmpeg: fixture('echoes') });
    await Promise.all([supervisor.stop(), supervisor.stop()]);
    expect(supervisor.state).toBe('stopped');
    expect(() => supervisor.start()).toThrow('illegal transition stopped -> starting');
  });
});

describe('TranscodeSupervisor with the real FFmpeg', () => {
  function realPlan(source: FlvSource) {
    return {
      source: source.description,
      renditions: fitLadder(['source', '96p'], source.description),
      partDuration: 0.5,
    };
  }

  it('C4.01 restarts a killed FFmpeg, which begins anew with an init segment on the same timeline', async () => {
    const source = await makeFlvSource({});
    const generations: TrackRecorder[] = [];
    const { supervisor, clock, seen, errors } = supervise({
      ffmpeg: { path: npmFfmpeg() },
      plan: realPlan(source),
      onStart: () => {
        generations.push(new TrackRecorder());
        for (const buffers of [source.head, ...source.media.map(tagBuffers)]) supervisor.write(buffers);
      },
      onOutput: (index, bytes) => {
        if (index === 1) generations.at(-1)?.push(bytes);
      },
      // Just the delay: more would count as input without output.
      onExit: () => clock.advance(125),
    });
    supervisor.start();
    await seen('output');
    const first = supervisor.pid ?? 0;
    process.kill(first, 'SIGKILL');
    await seen('start 2');
    expect(isAlive(first)).toBe(false);
    expect(errors[0]?.message).toContain('SIGKILL');
    await supervisor.stop();
    expect(generations).toHaveLength(2);
    expect(generations[1]?.init?.codecs).toMatch(/^avc1\./);
    expect(generations[1]?.times[0]).toBeCloseTo(source.keyFrameTimes[0] ?? 0, 1);
    expect(generations[1]?.times).toHaveLength(source.videoTimes.length);
  });

  it('C4.01 kills a stopped (SIGSTOP) FFmpeg', async () => {
    const source = await makeFlvSource({ seconds: 2 });
    const { supervisor, clock, seen, errors } = supervise({
      ffmpeg: { path: npmFfmpeg() },
      plan: realPlan(source),
      onStart: () => void supervisor.write([...source.head, ...source.media.flatMap(tagBuffers)]),
    });
    supervisor.start();
    await seen('output');
    const pid = supervisor.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    supervisor.write([Buffer.alloc(QUEUE_MARK_BYTES)]);
    // One tick may still count the output of before.
    clock.advance(9_000);
    await seen('exit 1');
    expect(errors[0]).toMatchObject({ code: 'transcode.stalled' });
    expect(isAlive(pid)).toBe(false);
  });

  it('C2.18 outlives corrupted pictures', async () => {
    const source = await makeFlvSource({ seconds: 2 });
    const { supervisor, errors, outputs } = supervise({
      ffmpeg: { path: npmFfmpeg() },
      plan: realPlan(source),
      onStart: () => {
        supervisor.write(source.head);
        for (const [index, tag] of source.media.entries()) {
          // Not the first key frame: nothing can begin without one.
          if (index > 5 && index % 7 === 0 && tag.body.length > 20) tag.body.fill(index & 0xff, 12);
          supervisor.write(tagBuffers(tag));
        }
      },
    });
    supervisor.start();
    await supervisor.stop();
    expect(errors).toEqual([]);
    expect(Buffer.concat(outputs).length).toBeGreaterThan(10_000);
  });

  it('C4.02 leaves no FFmpeg behind when the gateway is killed', async () => {
    const source = await makeFlvSource({ seconds: 2 });
    const gateway = fork(
      fileURLToPath(new URL('fixtures/gateway-process.mjs', import.meta.url)),
      [
        fileURLToPath(new URL('../../src/transcode/supervisor.ts', import.meta.url)),
        npmFfmpeg(),
        JSON.stringify(realPlan(source)),
      ],
      { stdio: ['pipe', 'inherit', 'inherit', 'ipc'] },
    );
    onTestFinished(() => void gateway.kill('SIGKILL'));
    const [pid] = (await once(gateway, 'message')) as [number];
    gateway.stdin?.write(Buffer.concat([...source.head, ...source.media.flatMap(tagBuffers)]));
    expect(isAlive(pid)).toBe(true);
    gateway.kill('SIGKILL');
    await once(gateway, 'exit');
    await untilGone(pid);
  });
});
