// An internal error is thrown at every seam of a stream, in a real gateway with a second stream that is being watched. Only the owner of the seam may
// end, and its name is free again. SEAM_TABLE=1 prints what was injected and what was observed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { LogLimiter } from '../../src/servers/rtmp/log-limiter.js';
import { followStream } from '../support/followed-stream.js';
import { startGateway } from '../support/gateway.js';
import { eventually, fetchText } from '../support/hls-client.js';
import { PlaylistFollower } from '../support/playlist-follower.js';
import { ffmpegChildren, npmFfmpeg, runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';
import { type Fault, Injections } from './seams/injections.js';
import { CONNECTION_SEAMS, OTHERS, SEAMS, type SeamRow } from './seams/seam-table.js';
import { BrokenParts, Victim } from './seams/victims.js';

const src = fileURLToPath(new URL('../../src', import.meta.url));
/** Number of streams that suffer at the same time; more would only be slower. */
const LANES = 6;

interface Case {
  readonly row: SeamRow;
  readonly fault: Fault;
  readonly name: string;
}

/** Each promise rejects here. With SEAM_FAULTS=all the call also throws, before there is a promise. */
function faultsOf({ promise }: SeamRow): readonly Fault[] {
  if (promise !== true) return ['throw'];
  return process.env.SEAM_FAULTS === 'all' ? ['throw', 'rejection'] : ['rejection'];
}

const CASES: readonly Case[] = SEAMS.flatMap((row) => faultsOf(row).map((fault) => ({ row, fault })))
  .filter(({ row }) => new RegExp(process.env.SEAM ?? '').test(row.seam))
  .map((one, index) => ({ ...one, name: `victim${index}` }));

/** Seams in the sources: the names passed to failure domains, and timers by their file. */
function seamsInSources(): Set<string> {
  const found = new Set<string>();
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))) {
    if (file === join('protocols', 'failure-domain.ts')) continue;
    const text = readFileSync(join(src, file), 'utf8');
    for (const [, seam = ''] of text.matchAll(/\b(?:guardInput|guard|run|settled|attempt|whileWell)\(\s*'([^']+)'/g)) {
      // Guards of descriptors, not of failure domains.
      if (!/descriptors\.guard/.test(text) || !['viewers', 'encoders'].includes(seam)) found.add(seam);
    }
    if (/(?:clock|Clock)\)?\.after\(/.test(text)) found.add(`timer in ${file}`);
  }
  return found;
}

describe('seams', () => {
  it('are all in the table', () => {
    const listed = new Set([...SEAMS.map(({ seam }) => seam), 'release', ...OTHERS, ...CONNECTION_SEAMS]);
    const found = seamsInSources();
    expect([...found].filter((seam) => !listed.has(seam))).toEqual([]);
    expect([...listed].filter((seam) => seam !== 'release' && !found.has(seam))).toEqual([]);
  });

  it('fail only for their own stream or connection, and its name can be published again at once', async () => {
    const directory = await temporaryDirectory();
    const slate = join(directory, 'away.png');
    await runProgram(npmFfmpeg(), [
      '-loglevel',
      'error',
      '-f',
      'lavfi',
      '-i',
      'color=red:size=320x180',
      '-frames:v',
      '1',
      slate,
    ]);
    const [source, other] = await Promise.all([
      makeFlvSource({ seconds: 4, gop: 25 }),
      makeFlvSource({ seconds: 4, gop: 25, size: '160x90' }),
    ]);
    const injections = new Injections();
    // Connections are distinguished by their log lines, so none of these may be suppressed.
    const admit = vi.spyOn(LogLimiter.prototype, 'admit').mockReturnValue({});
    onTestFinished(() => admit.mockRestore());
    const parts = new BrokenParts();
    const gateway = await startGateway(
      ...[
        '--ladder',
        'source,64p',
        '--segment-duration',
        '1',
        '--part-duration',
        '0.5',
        '--state-dir',
        join(directory, 'state'),
      ],
      ...['--resume-window', '20', '--slate', slate, '--rtmp-play', 'on'],
    );
    await publishLoop(gateway.publishUrl('neighbour'), source);
    followStream(`${gateway.http}/hls/live/neighbour`);
    const base = `${gateway.http}/hls/live/neighbour`;
    await eventually(async () => ((await fetch(`${base}/64p/index.m3u8`)).ok ? true : undefined));
    const followers = ['source', '64p'].map((rendition) => new PlaylistFollower(base, rendition));
    await eventually(async () => (followers.every(({ last }) => last !== undefined) ? true : undefined));
    const seen = () =>
      followers.map(({ last }) => (last === undefined ? 0 : last.mediaSequence + last.segments.length));

    const table: string[][] = [];
    const failures: string[] = [];
    const fail = (one: Case, error: unknown): void => {
      failures.push(`${one.name}: ${one.row.seam} (${one.fault}, ${one.row.trigger}): ${error}`);
      if (process.env.SEAM_TABLE !== undefined) process.stdout.write(`${failures.at(-1)}\n`);
    };
    const victimOf = ({ name }: Case): Victim => new Victim(name, gateway, injections, parts, { source, other });
    /** What must be done after it has ended. */
    const suffer = async (victim: Victim, { row, fault }: Case): Promise<() => Promise<void>> => {
      const before = seen();
      const { saw } = await victim.suffer(row, fault);
      return async () => {
        await victim.publishAgain();
        // Somebody plays during all of it.
        const after = seen();
        for (const follower of followers) follower.check();
        const played = Math.min(...after.map((end, index) => end - (before[index] ?? 0)));
        const where = row.after === undefined ? row.seam : `${row.seam}, after ${row.after}`;
        table.push([where, fault, row.trigger, saw, `${played} segments on, no gap`]);
        if (process.env.SEAM_TABLE !== undefined) process.stdout.write(`| ${table.at(-1)?.join(' | ')} |\n`);
      };
    };
    const inLanes = async (tasks: readonly (readonly [Case, () => Promise<void>])[]): Promise<void> => {
      const queue = [...tasks];
      const lane = async (): Promise<void> => {
        for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
          const [one, run] = task;
          await run().catch((error: unknown) => fail(one, error));
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
    };
    // If it is not known yet which connection will be hit, nobody else may connect. Everything that can run in parallel is done before and
    // after.
    const alone = CASES.filter(({ row }) => row.of === 'next connection');
    const victims = new Map(alone.map((one) => [one, victimOf(one)]));
    await inLanes([...victims].map(([one, victim]) => [one, () => victim.prepare(one.row)]));
    const rest: (readonly [Case, () => Promise<void>])[] = [];
    for (const [one, victim] of victims) {
      await suffer(victim, one).then(
        (finish) => rest.push([one, finish]),
        (error: unknown) => fail(one, error),
      );
    }
    const others = CASES.filter((one) => !alone.includes(one)).map(
      (one) =>
        [
          one,
          async () => {
            const victim = victimOf(one);
            await victim.prepare(one.row);
            await (await suffer(victim, one))();
          },
        ] as const,
    );
    await inLanes([...rest, ...others]);

    expect(failures).toEqual([]);
    // The neighbour: each segment follows the previous one, none is missing, and nobody was refused.
    for (const follower of followers) {
      await follower.stop();
      expect(follower.refusals).toEqual([]);
      const text = JSON.stringify(follower.versions.map(({ playlist }) => playlist.segments.map(({ gap }) => gap)));
      expect(text).not.toContain('true');
      for (const [index, { playlist }] of follower.versions.entries()) {
        const before = follower.versions[index - 1]?.playlist ?? playlist;
        // All segments since then are still listed.
        expect(playlist.mediaSequence).toBeLessThanOrEqual(before.mediaSequence + before.segments.length);
      }
      expect(follower.last?.discontinuitySequence ?? 0).toBe(0);
    }
    // The failed streams have released everything: transcode places and processes.
    const metric = async (name: string) =>
      new RegExp(`^${name} (\\d+)`, 'm').exec(await fetchText(`${gateway.http}/metrics`))?.[1];
    await eventually(async () => ((await metric('sluice_transcodes')) === '1' ? true : undefined));
    await eventually(async () => ((await ffmpegChildren()).length === 1 ? true : undefined));
    expect(await metric('sluice_rtmp_publishers')).toBe('1');
    const broken = CASES.filter(({ row }) => row.of === undefined).length;
    expect(Number(await metric('sluice_streams_broken_total'))).toBe(broken);
    expect(gateway.logs.filter(({ level }) => level === 60)).toEqual([]);
  });
});
