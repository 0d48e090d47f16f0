// The command line is reviewed as text: one golden file per kind of stream.
import { describe, expect, it } from 'vitest';
import { buildFfmpegArguments } from '../../src/transcode/arguments.js';
import type { SourceDescription } from '../../src/transcode/describe-source.js';
import { toArgumentList } from '../../src/transcode/fluent-command.js';
import { fitLadder, type LadderOptions } from '../../src/transcode/ladder.js';
import { encodedRenditions, type TranscodePlan } from '../../src/transcode/rendition-spec.js';
import { sourceVideo } from './source-video.js';

const VIDEO = sourceVideo(1920, 1080);
const AAC: NonNullable<SourceDescription['audio']> = { codec: 'aac', objectType: 2, sampleRate: 48_000, channels: 2 };

interface Case {
  readonly name: string;
  readonly source: SourceDescription;
  readonly ladder: readonly string[];
  readonly partDuration?: number;
  readonly keyFrames?: LadderOptions['keyFrames'];
}

const CASES: readonly Case[] = [
  { name: 'three-rungs', source: { video: VIDEO, audio: AAC }, ladder: ['source', '720p', '480p', '360p'] },
  { name: 'one-rung', source: { video: VIDEO }, ladder: ['source', '480p'], partDuration: 0.2 },
  {
    name: 'mp3-audio',
    source: { video: { ...VIDEO, frameRate: 30_000 / 1001 }, audio: { codec: 'mp3' } },
    ladder: ['source'],
  },
  { name: 'rung-and-audio', source: { video: VIDEO, audio: { codec: 'g711-alaw' } }, ladder: ['source', '360p'] },
  {
    name: 'ten-bit-source',
    source: { video: { ...VIDEO, profile: 110, bitDepth: 10 }, audio: AAC },
    ladder: ['source'],
  },
  {
    name: 'regular-key-frames',
    source: { video: { ...VIDEO, bitrate: 6_000_000 }, audio: AAC },
    ladder: ['source', '480p'],
    keyFrames: 'regular',
  },
  {
    name: 'av1-uhd',
    source: { video: { ...VIDEO, codec: 'av1', width: 3840, height: 2160, frameRate: 60, bitDepth: 10 }, audio: AAC },
    ladder: ['source', '1080p'],
  },
  {
    name: 'hdr-source',
    source: { video: { ...VIDEO, codec: 'hevc', bitDepth: 10, hdr: 'PQ' }, audio: AAC },
    ladder: ['source', '720p', '360p'],
  },
  { name: 'interlaced', source: { video: { ...VIDEO, frameRate: 25, interlaced: true } }, ladder: ['source', '720p'] },
];

function plan({ source, ladder, partDuration = 0.5, keyFrames = 'source' }: Case): TranscodePlan {
  const renditions = encodedRenditions(fitLadder(ladder, source, { keyFrames }));
  return { source, renditions, partDuration, segmentDuration: 2, keyFrames };
}

describe('buildFfmpegArguments', () => {
  it.each(CASES)('writes the golden command line of $name', async (testCase) => {
    await expect(readable(buildFfmpegArguments(plan(testCase)))).toMatchFileSnapshot(`golden/${testCase.name}.txt`);
  });

  it.each(CASES)('C3.02 reads nothing but pipe:0 as FLV and writes nothing but pipes: $name', (testCase) => {
    const asked = plan(testCase);
    const args = buildFfmpegArguments(asked);
    const input = args.indexOf('-i');
    expect(args.slice(input - 4, input + 2)).toEqual(['-protocol_whitelist', 'pipe', '-f', 'flv', '-i', 'pipe:0']);
    expect(args.filter((arg) => arg === '-i')).toHaveLength(1);
    const pipes = args.filter((arg) => arg.startsWith('pipe:'));
    expect(new Set(pipes)).toEqual(
      new Set(['pipe:0', ...[...asked.renditions, 0].map((_, index) => `pipe:${index + 3}`)]),
    );
    expect(args).not.toContain('copy');
  });

  it('A7.16 counts regular key frames from the first picture, wherever it is', () => {
    const asked = plan({ name: '', source: { video: VIDEO }, ladder: ['360p'], keyFrames: 'regular' });
    const args = buildFfmpegArguments(asked, 3_601_234);
    expect(args[args.indexOf('-force_key_frames') + 1]).toBe(
      'expr:if(isnan(prev_forced_t),1,gt(floor((t+3601.2341)/2),floor((prev_forced_t+3601.2341)/2)))',
    );
  });

  it('C4.01 decodes but does not encode again what the previous FFmpeg has encoded', () => {
    const asked = plan({
      name: '',
      source: { video: VIDEO, audio: { codec: 'mp3' } },
      ladder: ['source', '480p', '360p'],
    });
    const args = buildFfmpegArguments(
      asked,
      60_000,
      new Map([
        ['480p', 61_040],
        ['audio', 61_001.995],
      ]),
    );
    const filters = args[args.indexOf('-filter_complex') + 1];
    expect(filters).toContain('[in0]trim=start=61.039500,scale=854:480,setsar=1[rung0]');
    expect(filters).toContain('[in1]scale=640:360,setsar=1[rung1]');
    expect(args[args.indexOf('-filter:a') + 1]).toBe('atrim=start=61.001995,aresample=async=1');
    const regular = plan({ name: '', source: { video: VIDEO }, ladder: ['360p'], keyFrames: 'regular' });
    const rule = buildFfmpegArguments(regular, 60_000, new Map([['360p', 61_040]]));
    expect(rule[rule.indexOf('-force_key_frames') + 1]).toContain('t+61.0401');
  });

  it('returns no command line if there is nothing to encode', () => {
    expect(() =>
      buildFfmpegArguments(plan({ name: '', source: { video: VIDEO, audio: AAC }, ladder: ['source'] })),
    ).toThrow(TypeError);
  });

  it('keeps an argument with a space as one element', () => {
    const args = toArgumentList({
      inputOptions: ['-a', 'b c'],
      input: 'pipe:0',
      filters: ['[0:v]scale=2:2[x]', '[x]setsar=1[y]'],
      outputs: [{ options: ['-d', 'e f'], target: 'pipe:3' }],
    });
    expect(args).toEqual([
      '-a',
      'b c',
      '-i',
      'pipe:0',
      '-filter_complex',
      '[0:v]scale=2:2[x];[x]setsar=1[y]',
      '-d',
      'e f',
      'pipe:3',
    ]);
  });
});

/** One option with its value per line, an empty line after each output. */
function readable(args: readonly string[]): string {
  let text = '';
  for (const arg of args) {
    const isOption = /^-[a-z]/i.test(arg);
    text += `${isOption && text !== '' && !text.endsWith('\n') ? '\n' : text === '' || text.endsWith('\n') ? '' : ' '}${arg}`;
    if (/^pipe:/.test(arg) && !/-(i|progress) \S+$/.test(text)) text = `${text.replace(/ (pipe:\d+)$/, '\n$1')}\n\n`;
  }
  return `${text.trim()}\n`;
}
