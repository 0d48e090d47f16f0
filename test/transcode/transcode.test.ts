// What the rest of the gateway builds on: the timeline, the parts and the key frames that the real FFmpeg makes of FLV.
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/system-clock.js';
import { fitLadder } from '../../src/transcode/ladder.js';
import { framesPerPart } from '../../src/transcode/part-timing.js';
import { TranscodeSupervisor } from '../../src/transcode/supervisor.js';
import { npmFfmpeg } from '../support/processes.js';
import { type FlvSource, makeFlvSource, tagBuffers } from './flv-source.js';
import { silentLogger } from './silent-logger.js';
import { largestError, TrackRecorder } from './track-recorder.js';

/** FLV times are whole milliseconds. */
const ROUNDING = 1;

async function transcode(source: FlvSource, ladder: readonly string[], partDuration = 0.5) {
  const renditions = fitLadder(ladder, source.description);
  const tracks = renditions.map(() => new TrackRecorder());
  const failures: Error[] = [];
  const supervisor = new TranscodeSupervisor({
    clock: systemClock,
    ffmpeg: { path: npmFfmpeg() },
    plan: { source: source.description, renditions, partDuration },
    logger: silentLogger,
    onOutput: (index, bytes) => tracks[index]?.push(bytes),
    onStart: () => {
      for (const buffers of [source.head, ...source.media.map(tagBuffers)]) supervisor.write(buffers);
    },
    onFailed: (error) => failures.push(error),
    stopGrace: 20_000,
  });
  supervisor.start();
  await supervisor.stop();
  expect(failures).toEqual([]);
  expect(supervisor.state).toBe('stopped');
  return { renditions, tracks };
}

describe('the media FFmpeg makes', () => {
  it.each([
    { rate: '24000/1001', frameRate: 23.976 },
    { rate: '24', frameRate: 24 },
    { rate: '25', frameRate: 25 },
    { rate: '30000/1001', frameRate: 29.97 },
    { rate: '30', frameRate: 30 },
    { rate: '50', frameRate: 50 },
    { rate: '60', frameRate: 60 },
  ])('B1 A7.06 keeps every frame at its time and puts N in each part at $rate/s', async ({ rate, frameRate }) => {
    const gop = Math.round(frameRate * 2);
    const source = await makeFlvSource({ rate, gop });
    expect(source.description.video?.frameRate).toBeCloseTo(frameRate, 2);
    const { renditions, tracks } = await transcode(source, ['source', '144p', '96p']);
    expect(renditions.map(({ name }) => name)).toEqual(['source', '144p', '96p', 'audio']);
    const frames = framesPerPart(0.5, frameRate);
    for (const track of tracks.slice(0, -1)) {
      expect(largestError(track.sortedTimes(), source.videoTimes)).toBeLessThan(0.1);
      expect(largestError(track.keyFrameTimes, source.keyFrameTimes)).toBeLessThan(0.1);
      for (const [index, fragment] of track.fragments.entries()) {
        const next = track.fragments[index + 1];
        // Only what a key frame or the end cuts may be short.
        if (next !== undefined && !next.startsWithSync) expect(fragment.samples).toBe(frames);
        else expect(fragment.samples).toBeLessThanOrEqual(frames);
        if (next !== undefined) expect(next.start).toBeCloseTo(fragment.start + fragment.duration, 3);
        // Negative composition offsets are shown late by libavformat players (docs/decisions/0003).
        expect(fragment.presentationStart).toBeGreaterThanOrEqual(fragment.start - 0.001);
      }
    }
    const audio = tracks.at(-1);
    expect(audio?.init?.timescale).toBe(48_000);
    // Few enough that a cut is never far, enough that the gateway is not woken for each frame.
    expect(audio?.fragments.slice(0, -1).every(({ samples }) => samples === 3)).toBe(true);
    expect(largestError(audio?.sortedTimes() ?? [], source.audioTimes)).toBeLessThanOrEqual(ROUNDING);
  });

  it('A7.14 starts every track at its time on the stream timeline, an hour in', async () => {
    const source = await makeFlvSource({ seconds: 2, offset: 3_600_000 });
    const { tracks } = await transcode(source, ['source', '96p']);
    const [copied, encoded, audio] = tracks;
    expect(copied?.fragments[0]?.presentationStart).toBeCloseTo(source.videoTimes[0] ?? 0, 1);
    expect(encoded?.fragments[0]?.presentationStart).toBeCloseTo(source.videoTimes[0] ?? 0, 1);
    expect(Math.abs((audio?.fragments[0]?.start ?? 0) - (source.audioTimes[0] ?? 0))).toBeLessThanOrEqual(ROUNDING);
  });

  it('A7.12 serves video without audio', async () => {
    const source = await makeFlvSource({ audio: false, seconds: 2 });
    const { tracks } = await transcode(source, ['source', '96p']);
    expect(tracks.map((track) => largestError(track.sortedTimes(), source.videoTimes) < 0.1)).toEqual([true, true]);
  });

  it('A7.12 serves audio without video', async () => {
    const source = await makeFlvSource({ video: false, seconds: 2 });
    const { renditions, tracks } = await transcode(source, ['source', '96p']);
    expect(renditions).toMatchObject([{ name: 'audio', mode: 'copy', sampleRate: 48_000 }]);
    expect(tracks[0]?.init).toMatchObject({ timescale: 48_000, codecs: 'mp4a.40.2' });
    expect(largestError(tracks[0]?.sortedTimes() ?? [], source.audioTimes)).toBeLessThanOrEqual(ROUNDING);
  });

  it('A7.12 keeps video flowing when the audio comes three seconds late', async () => {
    const source = await makeFlvSource({});
    const media = source.media.filter((tag) => tag.type === 'video' || tag.timestamp > 4_000);
    const { tracks } = await transcode({ ...source, media }, ['source', '96p']);
    for (const track of tracks.slice(0, 2))
      expect(largestError(track.sortedTimes(), source.videoTimes)).toBeLessThan(0.1);
    const late = source.audioTimes.filter((time) => time > 4_000);
    expect(largestError(tracks[2]?.sortedTimes() ?? [], late)).toBeLessThanOrEqual(ROUNDING);
  });

  it('A7.10 turns MP3 into AAC that stays in step with the video', async () => {
    const source = await makeFlvSource({ audioCodec: 'libmp3lame', seconds: 2 });
    expect(source.description.audio?.codec).toBe('mp3');
    const { tracks } = await transcode(source, ['source']);
    const audio = tracks[1];
    expect(audio?.init).toMatchObject({ codecs: 'mp4a.40.2', sampleRate: 48_000, channels: 2 });
    const frame = 1024 / 48;
    // The encoder primes with one frame before the first.
    expect(Math.abs((audio?.times[0] ?? 0) - (source.audioTimes[0] ?? 0))).toBeLessThanOrEqual(2 * frame);
    expect(Math.abs((audio?.times.at(-1) ?? 0) - (source.audioTimes.at(-1) ?? 0))).toBeLessThanOrEqual(3 * frame);
    for (const { duration } of audio?.fragments ?? []) expect(duration).toBeLessThanOrEqual(3 * frame + 0.1);
  });

  it('A7.17 turns a 4:2:2 10-bit source, which browsers cannot play, into one that they can', async () => {
    const source = await makeFlvSource({ seconds: 2, videoOptions: ['-pix_fmt', 'yuv422p10le'] });
    const { renditions, tracks } = await transcode(source, ['source']);
    expect(renditions[0]).toMatchObject({ name: 'source', mode: 'encode', width: 320, height: 180 });
    expect(tracks[0]?.init?.avc?.spsInfo).toMatchObject({ chromaFormat: 1, bitDepthLuma: 8, width: 320, height: 180 });
  });

  it('A7.17 makes even rungs of an odd portrait source', async () => {
    const source = await makeFlvSource({ seconds: 2, size: '182x322' });
    const { tracks } = await transcode(source, ['source', '96p']);
    expect(tracks[1]?.init).toMatchObject({ width: 96, height: 170 });
  });

  it('keeps the bitrate it promises, although FFmpeg only guesses the frame rate', async () => {
    const source = await makeFlvSource({ size: '640x360', seconds: 6, videoOptions: ['-qp', '10'] });
    const { renditions, tracks } = await transcode(source, ['240p']);
    const rung = renditions[0];
    if (rung?.kind !== 'video' || rung.mode !== 'encode') throw new Error('expected an encoded rung');
    const bits = (tracks[0]?.bytes ?? 0) * 8;
    expect(bits).toBeLessThanOrEqual(rung.maxrate * 6 + rung.bufsize);
    expect(bits).toBeGreaterThan(rung.bitrate * 6 * 0.75);
  });
});
