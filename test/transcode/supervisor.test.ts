// Misbehaviour of FFmpeg, simulated by small programs and done by the real one: nothing hangs, leaks or is lost.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SluiceError } from '../../src/protocols/errors.js';
import { flvTag } from '../../src/protocols/flv/flv-writer.js';
import { DEFAULT_CHILD_ENVIRONMENT } from '../../src/transcode/child-environment.js';
import { describeSource } from '../../src/transcode/describe-source.js';
import { QUEUE_MARK_BYTES } from '../../src/transcode/ffmpeg-process.js';
import { fitLadder } from '../../src/transcode/ladder.js';
import type { TranscodeLoad } from '../../src/transcode/load-meter.js';
import { readProcessActivity } from '../../src/transcode/process-activity.js';
import { encodedRenditions, type TranscodePlan } from '../../src/transcode/rendition-spec.js';
import { TranscodeSupervisor } from '../../src/transcode/supervisor.js';
import type { TranscodeSupervisorOptions } from '../../src/transcode/supervisor-options.js';
import { strictDomain } from '../support/failure-domain.js';
import { ManualClock } from '../support/manual-clock.js';
import { npmFfmpeg } from '../support/processes.js';
import { fedMedia, feedBuffers, headBuffers, makeFlvSource, planFor, tagBuffers } from './flv-source.js';
import { type LoggedLine, recordingLogger } from './silent-logger.js';
import { TrackRecorder } from './track-recorder.js';

/** Frames between key frames. */
const GOP = 50;
const SOURCE = describeSource({ audio: { codec: 'mp3' } });
const PLAN: TranscodePlan = {
  source: SOURCE,
  renditions: encodedRenditions(fitLadder(['source'], SOURCE)),
  partDuration: 0.5,
  segmentDuration: 2,
  keyFrames: 'source',
};
/** The small programs are Node's, wherever that is. */
const ENVIRONMENT = { PATH: dirname(process.execPath) + delimiter + DEFAULT_CHILD_ENVIRONMENT.PATH };

function fixture(name: string): { path: string } {
  return { path: fileURLToPath(new URL(`fixtures/${name}.mjs`, import.meta.url)) };
}

/** A supervisor whose events are recorded and can be awaited, and whose process does not outlive the test. */
function supervise(options: Partial<TranscodeSupervisorOptions> & Pick<TranscodeSupervisorOptions, 'ffmpeg'>) {
  const clock = new ManualClock();
  const log: LoggedLine[] = [];
  const events: string[] = [];
  const errors: SluiceError[] = [];
  const waiting: { readonly event: string; readonly resolve: () => void }[] = [];
  const outputs: Buffer[] = [];
  const loads: TranscodeLoad[] = [];
  const tell = (event: string): void => {
    events.push(event);
    for (const waiter of waiting.filter((one) => one.event === event)) waiter.resolve();
  };
  const supervisor = new TranscodeSupervisor({
    plan: PLAN,
    logger: recordingLogger(log),
    clock,
    domain: strictDomain(),
    random: () => 0,
    childSettings: { variables: ENVIRONMENT },
    ...options,
    onStart: (generation) => {
      options.onStart?.(generation);
      tell(`start ${generation}`);
    },
    onOutput: (rendition, bytes) => {
      options.onOutput?.(rendition, bytes);
      outputs.push(bytes);
      tell('output');
    },
    onLoad: (load) => {
      loads.push(load);
      tell('load');
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
  return { supervisor, clock, log, events, errors, outputs, loads, seen };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Resolves when the process has worked and has then been idle for a while, because it waits for input. */
async function untilIdle(pid: number): Promise<void> {
  let before = 0;
  for (;;) {
    const now = readProcessActivity(pid)?.cpuTime ?? 0;
    if (now >= 50 && now === before) return;
    before = now;
    // Idle means without work for a while.
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Polls, because the end of another process's child causes no event. */
async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('TranscodeSupervisor with small programs', () => {
  it('delivers every byte before stop resolves', async () => {
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

  it('asks for a pause if the queue is long, and reports when it has been written', async () => {
    const { supervisor, seen } = supervise({ ffmpeg: fixture('echoes') });
    supervisor.start();
    expect(supervisor.write([Buffer.alloc(QUEUE_MARK_BYTES * 2)])).toBe(false);
    expect(supervisor.queuedBytes).toBeGreaterThan(0);
    await seen('drain');
    expect(supervisor.queuedBytes).toBe(0);
    expect(supervisor.write([Buffer.alloc(1)])).toBe(true);
  });

  it('C4.01 restarts an FFmpeg that exits at once with growing delays, and gives up with its last output', async () => {
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

  it('C4.01 kills and restarts an FFmpeg that reads input and writes nothing', async () => {
    const { supervisor, clock, errors, seen } = supervise({ ffmpeg: fixture('takes-and-gives-nothing') });
    supervisor.start();
    for (let quarter = 0; quarter < 8 * 4; quarter += 1) {
      supervisor.write([Buffer.alloc(100)]);
      clock.advance(250);
    }
    await seen('exit 1');
    expect(errors[0]).toMatchObject({ code: 'transcode.stalled' });
    expect(supervisor.state).toBe('backing-off');
    clock.advance(10_000);
    await seen('start 2');
  });

  it('C4.01 kills an FFmpeg that never reads, even if there is no new input', async () => {
    const { supervisor, clock, errors, seen } = supervise({ ffmpeg: fixture('never-reads') });
    supervisor.start();
    expect(supervisor.write([Buffer.alloc(QUEUE_MARK_BYTES)])).toBe(false);
    clock.advance(8_000);
    await seen('exit 1');
    expect(errors[0]).toMatchObject({ code: 'transcode.stalled' });
    expect(supervisor.queuedBytes).toBe(0);
  });

  it('does not kill FFmpeg while the publisher sends nothing', async () => {
    const { supervisor, clock, errors, log, seen } = supervise({ ffmpeg: fixture('echoes') });
    supervisor.start();
    supervisor.write([Buffer.alloc(100)]);
    await seen('output');
    clock.advance(3_600_000);
    await supervisor.stop();
    expect(errors).toEqual([]);
    expect(log.at(-1)?.fields.exit).toEqual({ kind: 'exited', code: 0 });
  });

  it('C3.05 keeps a short printable part of a flood on stderr', async () => {
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

  it('kills an FFmpeg that does not end after its input, when the grace period is over', async () => {
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

  it('kills the child of a wrapper script, too', async () => {
    const { supervisor, outputs, seen } = supervise({ ffmpeg: fixture('starts-another') });
    supervisor.start();
    await seen('output');
    const inner = Number(Buffer.concat(outputs).toString());
    expect(isAlive(inner)).toBe(true);
    supervisor.kill();
    await supervisor.stop();
    await untilGone(inner);
  });

  it('C4.01 kills an FFmpeg whose output is rejected, delivers no more of it, and starts another', async () => {
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

  it('ends without an error if its final output is rejected', async () => {
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

  it('does not restart if it is stopped during the delay', async () => {
    const { supervisor, clock, events, seen } = supervise({ ffmpeg: fixture('dies-at-once') });
    supervisor.start();
    await seen('exit 1');
    expect(supervisor.write([Buffer.alloc(1)])).toBe(false);
    await supervisor.stop();
    clock.advance(60_000);
    expect(supervisor.state).toBe('stopped');
    expect(events).toEqual(['start 1', 'exit 1']);
  });

  it('can be stopped before it is started, and twice, and never starts again', async () => {
    const { supervisor } = supervise({ ffmpeg: fixture('echoes') });
    await Promise.all([supervisor.stop(), supervisor.stop()]);
    expect(supervisor.state).toBe('stopped');
    expect(() => supervisor.start()).toThrow('illegal transition stopped -> starting');
  });

  it('C3.01 gives FFmpeg its own environment, never that of the gateway', async () => {
    process.env.SLUICE_PUBLISH_KEY = 'very-secret';
    onTestFinished(() => void delete process.env.SLUICE_PUBLISH_KEY);
    const { supervisor, outputs, seen } = supervise({ ffmpeg: fixture('shows-environment') });
    supervisor.start();
    await seen('output');
    await supervisor.stop();
    expect(JSON.parse(Buffer.concat(outputs).toString())).toEqual(Object.keys(ENVIRONMENT));
  });

  it('C4.01 kills an FFmpeg that stops writing within a target duration', async () => {
    const { supervisor, clock, errors, seen } = supervise({ ffmpeg: fixture('says-one-thing') });
    supervisor.start();
    await seen('output');
    // The first tick still counts what it wrote.
    for (let quarter = 0; quarter < 7; quarter += 1) {
      supervisor.write([Buffer.alloc(100)]);
      clock.advance(250);
    }
    await seen('exit 1');
    expect(errors[0]).toMatchObject({ code: 'transcode.stalled' });
    expect(clock.now()).toBeLessThan(2_000);
  });

  it('C4.01 gives up an FFmpeg that delivers and then hangs each time', async () => {
    const { supervisor, clock, errors, outputs, seen } = supervise({
      ffmpeg: fixture('says-one-thing'),
      delivered: () => true,
    });
    supervisor.start();
    for (let start = 1; start <= 5; start += 1) {
      await seen(`start ${start}`);
      while (outputs.length < start) await new Promise((resolve) => setTimeout(resolve, 5));
      for (let quarter = 0; quarter < 7; quarter += 1) {
        supervisor.write([Buffer.alloc(100)]);
        clock.advance(250);
      }
      await seen(`exit ${start}`);
      if (start < 5) clock.advance(2_000);
    }
    expect(supervisor.state).toBe('failed');
    expect(errors.map(({ code }) => code)).toEqual([...Array(5).fill('transcode.stalled'), 'transcode.gave-up']);
  });

  it('with regular key frames, waits for the first picture before it starts FFmpeg', async () => {
    let firstPicture: number | undefined;
    const { supervisor, events } = supervise({
      ffmpeg: fixture('echoes'),
      plan: { ...PLAN, keyFrames: 'regular' },
      firstPicture: () => firstPicture,
    });
    supervisor.start();
    supervisor.noteReceived(1_000);
    expect(supervisor.state).toBe('waiting');
    expect(supervisor.write([Buffer.alloc(1)])).toBe(false);
    firstPicture = 1_040;
    supervisor.noteReceived(1_040);
    expect(events).toEqual(['start 1']);
    await supervisor.stop();
  });

  it('refuses plans that cannot work when they are created', () => {
    const { supervisor } = supervise({ ffmpeg: fixture('echoes') });
    expect(() => supervisor.replacePlan({ ...PLAN, renditions: [] })).toThrow(TypeError);
    expect(() => supervisor.replacePlan({ ...PLAN, keyFrames: 'regular' })).toThrow('firstPicture');
    expect(supervisor.plan).toBe(PLAN);
  });

  it('replaces a plan after the grace period even if FFmpeg hangs, and does not count that as a failure', async () => {
    const { supervisor, clock, errors, events, seen } = supervise({ ffmpeg: fixture('takes-and-gives-nothing') });
    supervisor.start();
    supervisor.replacePlan(PLAN);
    expect(supervisor.write([Buffer.alloc(1)])).toBe(false);
    clock.advance(1_000);
    await seen('start 2');
    expect(events).toEqual(['start 1', 'exit 1', 'start 2']);
    expect(errors).toEqual([]);
  });

  it('can be stopped between two plans', async () => {
    const { supervisor, events } = supervise({
      ffmpeg: fixture('echoes'),
      onExit: () => void supervisor.stop(),
    });
    supervisor.start();
    supervisor.replacePlan(PLAN);
    await supervisor.stop();
    expect(supervisor.state).toBe('stopped');
    expect(events).toEqual(['start 1', 'exit 1']);
  });
});

describe('TranscodeSupervisor with the real FFmpeg', () => {
  it('C4.01 restarts a killed FFmpeg, which starts with an init segment on the same timeline', async () => {
    const source = await makeFlvSource({});
    const plan = planFor(source, ['source', '96p']);
    const generations: TrackRecorder[] = [];
    const { supervisor, clock, seen, errors } = supervise({
      ffmpeg: { path: npmFfmpeg() },
      plan,
      onStart: () => {
        generations.push(new TrackRecorder());
        supervisor.write(feedBuffers(source, plan));
      },
      onOutput: (_, bytes) => generations.at(-1)?.push(bytes),
      // Only the delay: more would count as input without output.
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

  it('C4.11 switches to other rungs at a key frame, after all output of the old ones has been delivered', async () => {
    const source = await makeFlvSource({ gop: GOP });
    const plans = [planFor(source, ['source', '144p', '96p']), planFor(source, ['source', '96p'])] as const;
    const second = source.media.filter(({ type }) => type === 'video')[GOP]?.timestamp ?? 0;
    const tracks = new Map<string, TrackRecorder>();
    const { supervisor, events, errors, seen } = supervise({
      ffmpeg: { path: npmFfmpeg() },
      plan: plans[0],
      onStart: (generation) => {
        const plan = supervisor.plan;
        const media = fedMedia(source, plan).filter(({ timestamp }) => timestamp < second === (generation === 1));
        supervisor.write([...headBuffers(source, plan), ...media.flatMap(tagBuffers)]);
      },
      onOutput: (rendition, bytes) => {
        const name = `${rendition} of ${supervisor.generation}`;
        const track = tracks.get(name) ?? new TrackRecorder();
        tracks.set(name, track);
        track.push(bytes);
      },
      replaceGrace: 20_000,
    });
    supervisor.start();
    supervisor.replacePlan(plans[1]);
    await seen('start 2');
    await supervisor.stop();
    expect(errors).toEqual([]);
    expect(events.filter((event) => !event.startsWith('output'))).toEqual(['start 1', 'exit 1', 'start 2', 'exit 2']);
    expect([...tracks.keys()].sort()).toEqual(['144p of 1', '96p of 1', '96p of 2']);
    const times = [...(tracks.get('96p of 1')?.times ?? []), ...(tracks.get('96p of 2')?.times ?? [])];
    expect(times).toHaveLength(source.videoTimes.length);
    expect(tracks.get('144p of 1')?.times).toEqual(tracks.get('96p of 1')?.times);
    expect(tracks.get('96p of 2')?.keyFrameTimes[0]).toBeCloseTo(source.keyFrameTimes[1] ?? 0, 1);
  });

  it('C4.11 measures the load of a working FFmpeg', async () => {
    const source = await makeFlvSource({ seconds: 4 });
    const plan = planFor(source, ['source', '96p']);
    const media = fedMedia(source, plan);
    const { supervisor, loads, seen } = supervise({ ffmpeg: { path: npmFfmpeg() }, plan });
    supervisor.start();
    supervisor.write(headBuffers(source, plan));
    for (const tag of media) {
      supervisor.noteReceived(tag.timestamp);
      supervisor.write(tagBuffers(tag));
    }
    await seen('load');
    expect(loads[0]).toMatchObject({ speed: expect.any(Number), lag: expect.any(Number), overloaded: false });
  });

  it('C4.01 kills a stopped (SIGSTOP) FFmpeg within a target duration', async () => {
    const source = await makeFlvSource({ seconds: 2 });
    const plan = planFor(source, ['source', '96p']);
    const { supervisor, clock, seen, errors } = supervise({
      ffmpeg: { path: npmFfmpeg() },
      plan,
      onStart: () => void supervisor.write(feedBuffers(source, plan)),
    });
    supervisor.start();
    await seen('output');
    const pid = supervisor.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    while (readProcessActivity(pid)?.stopped === false) await new Promise((resolve) => setTimeout(resolve, 5));
    supervisor.write([Buffer.alloc(QUEUE_MARK_BYTES)]);
    // Earlier output counts in the first tick.
    clock.advance(1_250);
    await seen('exit 1');
    expect(errors[0]).toMatchObject({ code: 'transcode.stalled' });
    expect(isAlive(pid)).toBe(false);
  });

  it('C2.18 survives corrupted pictures', async () => {
    const source = await makeFlvSource({ seconds: 2 });
    const plan = planFor(source, ['source', '96p']);
    const { supervisor, errors, outputs } = supervise({
      ffmpeg: { path: npmFfmpeg() },
      plan,
      onStart: () => {
        supervisor.write(headBuffers(source, plan));
        for (const [index, tag] of fedMedia(source, plan).entries()) {
          // Not the first key frame: no decoder could start without one.
          if (index > 5 && index % 7 === 0 && tag.body.length > 20) tag.body.fill(index & 0xff, 12);
          supervisor.write(tagBuffers(tag));
        }
      },
      stopGrace: 20_000,
    });
    supervisor.start();
    await supervisor.stop();
    expect(errors).toEqual([]);
    expect(Buffer.concat(outputs).length).toBeGreaterThan(10_000);
  });

  it('C3.02 opens no file and makes no connection that a payload names', async () => {
    const source = await makeFlvSource({ seconds: 2 });
    const plan = planFor(source, ['source', '96p']);
    const canary = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void canary.close());
    await once(canary, 'listening');
    const { port } = canary.address() as AddressInfo;
    let connections = 0;
    canary.on('connection', (socket) => {
      connections += 1;
      socket.destroy();
    });
    const lure = Buffer.from(
      `#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:${port}/a.ts\nffconcat version 1.0\nfile /etc/passwd\n`,
    );
    const { supervisor, outputs } = supervise({ ffmpeg: { path: npmFfmpeg() }, plan, stopGrace: 20_000 });
    supervisor.start();
    supervisor.write(headBuffers(source, plan));
    for (const [index, tag] of fedMedia(source, plan).entries()) {
      const inject = index % 5 === 2;
      const head = tag.body.subarray(0, 5);
      supervisor.write(tagBuffers(inject ? { ...tag, body: Buffer.concat([head, lure]) } : tag));
    }
    supervisor.write(flvTag('script', 2_500, lure));
    // Also as the whole input: the format is fixed, so FFmpeg does not probe for it.
    await supervisor.stop();
    const other = supervise({ ffmpeg: { path: npmFfmpeg() }, plan });
    other.supervisor.start();
    other.supervisor.write([lure]);
    await other.supervisor.stop();
    expect(connections).toBe(0);
    expect(Buffer.concat(outputs).includes('root:')).toBe(false);
    expect(Buffer.concat([...outputs, ...other.outputs]).includes('root:')).toBe(false);
  });

  it.each([{ deaf: false }, { deaf: true }])(
    'C4.02 leaves no FFmpeg behind when the gateway is killed, also one that waits for its output to be read ($deaf)',
    async ({ deaf }) => {
      const source = await makeFlvSource({ size: '640x360', seconds: 6, audio: false, videoOptions: ['-qp', '10'] });
      const plan = planFor(source, ['360p']);
      const gateway = fork(
        fileURLToPath(new URL('fixtures/gateway-process.mjs', import.meta.url)),
        [
          fileURLToPath(new URL('../../src/transcode/supervisor.ts', import.meta.url)),
          npmFfmpeg(),
          JSON.stringify(plan),
          deaf ? 'deaf' : 'reads',
        ],
        { stdio: ['pipe', 'inherit', 'inherit', 'ipc'] },
      );
      onTestFinished(() => void gateway.kill('SIGKILL'));
      const [pid] = (await once(gateway, 'message')) as [number];
      gateway.stdin?.on('error', () => gateway.stdin?.destroy());
      gateway.stdin?.write(Buffer.concat(feedBuffers(source, plan)));
      if (deaf) await untilIdle(pid);
      expect(isAlive(pid)).toBe(true);
      gateway.kill('SIGKILL');
      await once(gateway, 'exit');
      await untilGone(pid);
    },
  );
});
