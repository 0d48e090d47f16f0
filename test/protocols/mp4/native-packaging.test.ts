// Media that the gateway packages itself is checked by independent readers: mp4box, and FFmpeg's demuxer and decoders.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FragmentReader } from '../../../src/protocols/mp4/fragment-reader.js';
import { npmFfmpeg, runProgram } from '../../support/processes.js';
import { readWithMp4box } from './cmaf-sample.js';
import { audioFromFlv, audioFromMp4, packageTrack, type RealTrack, videoFromFlv } from './real-tracks.js';

const X265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params'];
const HDR = ['-color_primaries', 'bt2020', '-color_trc', 'smpte2084', '-colorspace', 'bt2020nc'];
const SVT = ['-c:v', 'libsvtav1', '-preset', '12', '-svtav1-params', 'lp=1'];
const VP9 = ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'];

interface Case {
  readonly name: string;
  readonly make: () => Promise<RealTrack>;
  readonly codecs: string;
  /** As mp4box names it, where that differs. */
  readonly mp4box?: string;
  readonly facts: object;
}

const CASES: readonly Case[] = [
  {
    name: 'H.264 with B-frames',
    make: () => videoFromFlv('avc', ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-threads', '1']),
    codecs: 'avc1.64000d',
    facts: { width: 320, height: 180, frameRate: 30, nalLengthSize: 4, bitDepth: 8 },
  },
  {
    name: 'HEVC',
    make: () => videoFromFlv('hevc', [...X265, 'log-level=none', '-pix_fmt', 'yuv420p']),
    codecs: 'hvc1.1.6.L60.90',
    facts: { width: 320, height: 180, frameRate: 30, nalLengthSize: 4, bitDepth: 8 },
  },
  {
    name: 'HEVC Main 10 in PQ with pixels that are not square',
    make: () =>
      videoFromFlv('hevc', [
        ...X265,
        'log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc',
        '-pix_fmt',
        'yuv420p10le',
        '-vf',
        'setsar=4/3',
        ...HDR,
      ]),
    codecs: 'hvc1.2.4.L60.90',
    facts: { bitDepth: 10, sarNum: 4, sarDen: 3, color: { primaries: 9, transfer: 16, matrix: 9, fullRange: false } },
  },
  {
    name: 'AV1',
    make: () => videoFromFlv('av1', SVT),
    codecs: 'av01.0.00M.08',
    facts: { width: 320, height: 180, bitDepth: 8 },
  },
  {
    name: 'AV1 of 10 bits in PQ',
    make: () => videoFromFlv('av1', [...SVT, '-pix_fmt', 'yuv420p10le', ...HDR]),
    codecs: 'av01.0.00M.10.0.110.09.16.09.0',
    mp4box: 'av01.0.00M.10',
    facts: { bitDepth: 10, color: { primaries: 9, transfer: 16, matrix: 9, fullRange: false } },
  },
  {
    name: 'VP9',
    make: () => videoFromFlv('vp9', VP9),
    codecs: 'vp09.00.11.08',
    facts: { width: 320, height: 180, bitDepth: 8 },
  },
  {
    name: 'AAC',
    make: () => audioFromFlv('aac', ['-c:a', 'aac']),
    codecs: 'mp4a.40.2',
    facts: { sampleRate: 48_000, channels: 2, samplesPerFrame: 1024 },
  },
  {
    name: 'MP3',
    make: () => audioFromFlv('mp3', ['-c:a', 'libmp3lame', '-ar', '44100']),
    codecs: 'mp4a.40.34',
    mp4box: 'mp4a.6b',
    facts: { sampleRate: 44_100, channels: 2, samplesPerFrame: 1152 },
  },
  {
    name: 'Opus',
    make: () => audioFromMp4('opus', ['-c:a', 'libopus']),
    codecs: 'Opus',
    facts: { sampleRate: 48_000, channels: 2 },
  },
  {
    name: 'Opus of six channels',
    make: () => audioFromMp4('opus', ['-ac', '6', '-c:a', 'libopus', '-mapping_family', '1']),
    codecs: 'Opus',
    facts: { sampleRate: 48_000, channels: 6 },
  },
  {
    name: 'FLAC of 96 kHz and 24 bits',
    make: () => audioFromMp4('flac', ['-ar', '96000', '-c:a', 'flac', '-sample_fmt', 's32']),
    codecs: 'fLaC',
    facts: { sampleRate: 96_000, channels: 2, bitDepth: 24 },
  },
  {
    name: 'AC-3 of 5.1 channels at 44.1 kHz',
    make: () => audioFromMp4('ac-3', ['-ac', '6', '-ar', '44100', '-c:a', 'ac3']),
    codecs: 'ac-3',
    facts: { sampleRate: 44_100, channels: 6, samplesPerFrame: 1536 },
  },
  {
    name: 'E-AC-3',
    make: () => audioFromMp4('e-ac-3', ['-c:a', 'eac3']),
    codecs: 'ec-3',
    facts: { sampleRate: 48_000, channels: 2, samplesPerFrame: 1536 },
  },
];

/** The FFmpeg that npm brings, and the system's, where there is one. */
const FFMPEGS = [npmFfmpeg(), '/usr/bin/ffmpeg'].filter((path) => existsSync(path));

/** The frames that FFmpeg's demuxer finds, and its complaints when it decodes all of them. */
async function judge(ffmpeg: string, file: Buffer): Promise<{ packets: string[]; complaints: string }> {
  const args = ['-v', 'warning', '-nostdin', '-f', 'mp4', '-i', 'pipe:0', '-c', 'copy', '-f', 'framemd5', 'pipe:1'];
  const { stdout, stderr } = await runProgram(ffmpeg, [...args, '-f', 'null', '-'], file);
  const lines = stdout.toString().split('\n');
  return { packets: lines.filter((line) => line !== '' && !line.startsWith('#')), complaints: stderr };
}

describe.each(CASES)('$name', ({ make, codecs, mp4box, facts }) => {
  it('B2.01 is described, packaged, read back and decoded correctly', async () => {
    const track = await make();
    expect(track.description).toMatchObject(facts);
    expect(track.description.codecs).toBe(codecs);
    const file = packageTrack(track, 12);

    const reader = new FragmentReader();
    reader.push(file);
    const event = reader.next();
    if (event?.type !== 'init') throw new Error('the first event is not the init segment');
    const { description, timescale } = track;
    const announced =
      'sarNum' in description
        ? { kind: 'video', width: description.width, height: description.height }
        : { kind: 'audio', sampleRate: description.sampleRate, channels: description.channels };
    expect(event.track).toMatchObject({ codecs, timescale, ...announced });
    expect(event.track.color).toEqual('color' in description ? description.color : undefined);

    // An independent reader finds every sample at its time, byte for byte.
    const { movie, samples } = readWithMp4box(file);
    expect(movie.tracks[0]?.codec).toBe(mp4box ?? track.description.codecs);
    expect(samples).toHaveLength(track.samples.length);
    let time = 0;
    for (const [index, { data, duration, cts, sync }] of track.samples.entries()) {
      const found = samples[index];
      expect(found).toMatchObject({ dts: time, cts: time + cts, duration, size: data.length, is_sync: sync });
      const at = found?.offset ?? 0;
      expect(file.subarray(at, at + data.length).equals(data)).toBe(true);
      time += duration;
    }

    for (const ffmpeg of FFMPEGS) {
      const { packets, complaints } = await judge(ffmpeg, file);
      expect(complaints, ffmpeg).toBe('');
      expect(packets, ffmpeg).toHaveLength(track.samples.length);
    }
  });
});
