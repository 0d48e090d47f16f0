// A presentation under test. Everything that players get from it is checked against every rule.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type PeriodPlan, Presentation, type PresentationOptions } from '../../src/hls/presentation.js';
import type { PublisherFault } from '../../src/hls/presentation-options.js';
import type { Rendition } from '../../src/hls/window/rendition.js';
import type { SluiceError } from '../../src/protocols/errors.js';
import { FragmentReader } from '../../src/protocols/mp4/fragment-reader.js';
import { strictDomain } from '../support/failure-domain.js';
import { runFfmpeg } from '../support/ladder-recording.js';
import { ManualClock } from '../support/manual-clock.js';
import type { PlaylistChecker } from '../support/playlist-checker.js';

export const SOURCE = { name: 'source', kind: 'video', input: 'pipe', width: 320, height: 180, frameRate: 25 } as const;
export const RUNG_120 = {
  name: '120p',
  kind: 'video',
  input: 'pipe',
  width: 214,
  height: 120,
  frameRate: 25,
  bitrate: 200_000,
} as const;
export const RUNG_90 = {
  name: '90p',
  kind: 'video',
  input: 'pipe',
  width: 160,
  height: 90,
  frameRate: 25,
  bitrate: 100_000,
} as const;
export const AUDIO = { name: 'audio', kind: 'audio', input: 'pipe', bitrate: 64_000, channels: 2 } as const;
export const LADDER: PeriodPlan = { renditions: [SOURCE, RUNG_120, RUNG_90, AUDIO], frameRate: 25, cuts: 'key-frames' };
export const FRAME = 1 / 25;

export interface Setup {
  readonly presentation: Presentation;
  readonly clock: ManualClock;
  readonly warnings: SluiceError[];
  readonly faults: PublisherFault[];
}

export function setUp(options: Partial<PresentationOptions> = {}): Setup {
  const clock = new ManualClock();
  const warnings: SluiceError[] = [];
  const faults: PublisherFault[] = [];
  const presentation = new Presentation({
    app: 'live',
    name: 'test',
    plan: LADDER,
    segmentDuration: 2,
    partDuration: 0.5,
    windowSegments: 6,
    firstMediaSequence: 1000,
    clock,
    domain: strictDomain(),
    onWarning: (warning) => warnings.push(warning),
    onPublisherFault: (fault) => faults.push(fault),
    ...options,
  });
  return { presentation, clock, warnings, faults };
}

/** Media playlists when they were last examined. */
const seenBodies = new WeakMap<PlaylistChecker, ReadonlyMap<string, Buffer>>();

/** Passes the current playlists to the checker, and checks that everything listed can be loaded. */
export function observe(presentation: Presentation, checker: PlaylistChecker, media?: Map<string, Buffer>): void {
  const bodies = new Map<string, Buffer>();
  // Includes renditions of earlier periods.
  for (const name of new Set([...presentation.renditions.map((rendition) => rendition.name), ...checker.renditions])) {
    const rendition = presentation.rendition(name);
    if (rendition?.isServable('part') === true) bodies.set(name, rendition.playlistBody());
  }
  // Most steps change no playlist, and then players see no change either.
  const before = seenBodies.get(checker);
  seenBodies.set(checker, bodies);
  if (before?.size === bodies.size && [...bodies].every(([name, body]) => before.get(name)?.equals(body))) return;
  for (const [name, body] of bodies) {
    const rendition = presentation.rendition(name) as Rendition;
    const playlist = checker.add(name, body.toString());
    checker.addDelta(name, rendition.deltaBody().toString());
    observeIFrames(rendition, checker);
    const uris = playlist.segments.flatMap(({ uri, map, gap, parts }) => [
      ...(gap ? [] : [uri]),
      map ?? '',
      ...parts.filter((part) => !part.gap).map((part) => part.uri),
    ]);
    for (const uri of [...uris, ...playlist.openParts.map((part) => part.uri)]) {
      const found = rendition.find(uri);
      if (found === undefined || found === 'hinted' || found.body === undefined)
        throw new Error(`B1.09 ${name}/${uri} is listed but not there`);
      const key = `${name}/${uri}`;
      const known = media?.get(key);
      if (known !== undefined && !known.equals(found.body)) throw new Error(`${key} changed its bytes`);
      media?.set(key, found.body);
    }
  }
  checker.checkAlignment();
}

/** For each rendition: the number of segments that its I-frame playlist listed. */
const seenIFrames = new WeakMap<Rendition, number>();

/** Its reports of other playlists change with each part. It is examined only when its own list has changed. */
function observeIFrames(rendition: Rendition, checker: PlaylistChecker): void {
  const { segmentsVersion } = rendition.playlists;
  if (!rendition.hasIFrames || seenIFrames.get(rendition) === segmentsVersion) return;
  seenIFrames.set(rendition, segmentsVersion);
  const name = `${rendition.plan.name} I-frames`;
  checker.add(name, rendition.playlistBody('i-frames').toString());
  checker.addDelta(name, rendition.deltaBody('i-frames').toString());
}

/** B1.13 B1.14 B3.02 B3.15, and that a decoder decodes each segment alone without a message. */
export async function checkMedia(
  checker: PlaylistChecker,
  media: ReadonlyMap<string, Buffer>,
  rendition: string,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-hls-'));
  let end: number | undefined;
  let discontinuity: number | undefined;
  for (const [msn, segment] of checker.segments(rendition)) {
    if (segment.gap) {
      end = undefined;
      continue;
    }
    const init = media.get(`${rendition}/${segment.map}`) ?? Buffer.alloc(0);
    const body = media.get(`${rendition}/${segment.uri}`) ?? Buffer.alloc(0);
    const reader = new FragmentReader();
    reader.push(Buffer.concat([init, body]));
    let timescale = 1;
    let fragments = 0;
    let duration = 0;
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'init') {
        timescale = event.track.timescale;
        continue;
      }
      const { fragment } = event;
      if (fragments === 0)
        expect(fragment.startsWithSync, `B1.13 ${rendition} ${msn} begins with a key frame`).toBe(true);
      const uri = `part-${msn}.${fragments}.m4s`;
      const part = media.get(`${rendition}/${uri}`);
      if (part !== undefined) expect(part.equals(fragment.bytes), `B3.02 ${uri}`).toBe(true);
      if (discontinuity === segment.discontinuityNumber && end !== undefined) {
        expect(fragment.baseMediaDecodeTime, `B1.14 tfdt of ${rendition} ${uri}`).toBe(end);
      }
      discontinuity = segment.discontinuityNumber;
      end = fragment.baseMediaDecodeTime + fragment.duration;
      duration += fragment.duration;
      fragments += 1;
    }
    expect(Math.abs(duration / timescale - segment.duration), `EXTINF of ${rendition} ${msn}`).toBeLessThan(1e-3);
    const file = join(directory, `${rendition}-${msn}.mp4`);
    await writeFile(file, Buffer.concat([init, body]));
    const decoded = await runFfmpeg(['-v', 'warning', '-xerror', '-i', file, '-f', 'null', '-']);
    expect(decoded.stderr, `${rendition} segment ${msn} decodes`).toBe('');
    expect(decoded.status).toBe(0);
  }
  await rm(directory, { recursive: true });
}
