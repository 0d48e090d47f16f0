// Measures recorded HLS media with FFmpeg and with our own box reader: decodes, key frames, timelines, flashes and beeps.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FragmentReader } from '../../src/protocols/mp4/fragment-reader.js';
import { npmFfmpeg, runProgram } from './processes.js';

export interface SegmentFacts {
  readonly timescale: number;
  /** Seconds on the stream timeline: first decode time, first presentation time, end of the last sample. */
  readonly decodeStart: number;
  readonly presentationStart: number;
  readonly decodeEnd: number;
  readonly startsWithSync: boolean;
  readonly samples: number;
}

export function readSegment(init: Buffer, segment: Buffer): SegmentFacts {
  const reader = new FragmentReader();
  reader.push(init);
  reader.push(segment);
  let timescale = 0;
  let facts: SegmentFacts | undefined;
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    if (event.type === 'init') {
      timescale = event.track.timescale;
      continue;
    }
    const { fragment } = event;
    const decodeStart = fragment.baseMediaDecodeTime / timescale;
    const presentationStart = fragment.presentationStart / timescale;
    facts = {
      timescale,
      decodeStart: facts?.decodeStart ?? decodeStart,
      presentationStart: Math.min(facts?.presentationStart ?? Number.POSITIVE_INFINITY, presentationStart),
      decodeEnd: (fragment.baseMediaDecodeTime + fragment.duration) / timescale,
      startsWithSync: facts?.startsWithSync ?? fragment.startsWithSync,
      samples: (facts?.samples ?? 0) + fragment.samples.length,
    };
  }
  if (facts === undefined) throw new Error('a segment without a fragment');
  return facts;
}

/**
 * Decodes with FFmpeg; errors are fatal.
 * @returns FFmpeg's messages, empty for good media
 */
export async function decodeErrors(init: Buffer, segment: Buffer): Promise<string> {
  const args = [
    '-hide_banner',
    '-loglevel',
    'warning',
    '-xerror',
    '-err_detect',
    'explode',
    '-i',
    'pipe:0',
    // Keeps the times of the frames, because a variable frame rate is not an error.
    ...['-fps_mode', 'passthrough', '-enc_time_base', 'demux'],
    '-f',
    'null',
    '-',
  ];
  return (await runProgram(npmFfmpeg(), args, Buffer.concat([init, segment]))).stderr.trim();
}

/** Presentation times (seconds) at which the picture turns from dark to bright. */
export async function flashTimes(file: string): Promise<number[]> {
  const args = ['-hide_banner', '-loglevel', 'error', '-copyts', '-i', file, '-map', '0:v:0'];
  const filter = 'scale=32:32,signalstats,metadata=mode=print:key=lavfi.signalstats.YAVG:file=-';
  const { stdout } = await runProgram(npmFfmpeg(), [...args, '-vf', filter, '-f', 'null', '-']);
  const times: number[] = [];
  let time = 0;
  let bright = true;
  for (const line of stdout.toString().split('\n')) {
    const at = /pts_time:([\d.]+)/.exec(line)?.[1];
    if (at !== undefined) time = Number(at);
    const luma = /YAVG=([\d.]+)/.exec(line)?.[1];
    if (luma === undefined) continue;
    const isBright = Number(luma) > 128;
    if (isBright && !bright) times.push(time);
    bright = isBright;
  }
  return times;
}

/** Presentation times (seconds) at which sound begins after silence. */
export async function beepTimes(file: string): Promise<number[]> {
  const args = ['-hide_banner', '-loglevel', 'info', '-nostats', '-copyts', '-i', file, '-map', '0:a:0'];
  // Raw samples lose the start time of the stream; silencedetect reports times on the stream's own timeline.
  const { stderr } = await runProgram(npmFfmpeg(), [
    ...args,
    '-af',
    'silencedetect=noise=-30dB:d=0.3',
    '-f',
    'null',
    '-',
  ]);
  return [...stderr.matchAll(/silence_end: ([\d.]+)/g)].map((match) => Number(match[1]));
}

/** Median of (beep − nearest flash) in milliseconds: how much later the sound is than the picture. */
export async function audioVideoOffset(videoFile: string, audioFile: string): Promise<number> {
  const [flashes, beeps] = await Promise.all([flashTimes(videoFile), beepTimes(audioFile)]);
  const offsets = beeps
    .map(
      (beep) => Math.min(...flashes.map((flash) => Math.abs(beep - flash))) * Math.sign(beep - nearest(beep, flashes)),
    )
    .filter((offset) => Math.abs(offset) < 0.4)
    .sort((a, b) => a - b);
  const median = offsets[Math.floor(offsets.length / 2)];
  if (median === undefined)
    throw new Error(`no pair of flash and beep: ${flashes.length} flashes, ${beeps.length} beeps`);
  return median * 1000;
}

function nearest(time: number, candidates: readonly number[]): number {
  return candidates.reduce(
    (best, candidate) => (Math.abs(candidate - time) < Math.abs(best - time) ? candidate : best),
    Number.POSITIVE_INFINITY,
  );
}

export async function writeTrack(
  directory: string,
  name: string,
  init: Buffer,
  segments: Iterable<Buffer>,
): Promise<string> {
  const path = join(directory, `${name}.mp4`);
  await writeFile(path, Buffer.concat([init, ...segments]));
  return path;
}
