// The command line is reviewed as text: one golden file per kind of stream.
import { describe, expect, it } from 'vitest';
import { buildFfmpegArguments } from '../../src/transcode/arguments.js';
import type { SourceDescription } from '../../src/transcode/describe-source.js';
import { toArgumentList } from '../../src/transcode/fluent-command.js';
import { fitLadder } from '../../src/transcode/ladder.js';

const VIDEO: NonNullable<SourceDescription['video']> = {
  codec: 'avc',
  width: 1920,
  height: 1080,
  sampleAspectRatio: 1,
  frameRate: 30,
  profile: 100,
  chromaFormat: 1,
  bitDepth: 8,
};
const AAC: NonNullable<SourceDescription['audio']> = { codec: 'aac', objectType: 2, sampleRate: 48_000, channels: 2 };

const CASES: readonly { name: string; source: SourceDescription; ladder: readonly string[]; partDuration: number }[] = [
  {
    name: 'three-rungs',
    source: { video: VIDEO, audio: AAC },
    ladder: ['source', '720p', '480p', '360p'],
    partDuration: 0.5,
  },
  { name: 'source-only', source: { video: VIDEO, audio: AAC }, ladder: ['source'], partDuration: 0.5 },
  { name: 'audio-only', source: { audio: AAC }, ladder: ['source', '720p'], partDuration: 0.5 },
  { name: 'video-only', source: { video: VIDEO }, ladder: ['source', '480p'], partDuration: 0.2 },
  {
    name: 'mp3-audio',
    source: { video: { ...VIDEO, frameRate: 30_000 / 1001 }, audio: { codec: 'mp3' } },
    ladder: ['source'],
    partDuration: 0.5,
  },
  {
    name: 'ten-bit-source',
    source: { video: { ...VIDEO, profile: 110, bitDepth: 10 }, audio: AAC },
    ladder: ['source'],
    partDuration: 0.5,
  },
];

describe('buildFfmpegArguments', () => {
  it.each(CASES)('writes the golden command line of $name', async ({ name, source, ladder, partDuration }) => {
    const args = buildFfmpegArguments({ source, renditions: fitLadder(ladder, source), partDuration });
    await expect(readable(args)).toMatchFileSnapshot(`golden/${name}.txt`);
  });

  it.each(CASES)('C3.02 reads nothing but pipe:0 as FLV and writes nothing but pipes: $name', (testCase) => {
    const { source, ladder, partDuration } = testCase;
    const renditions = fitLadder(ladder, source);
    const args = buildFfmpegArguments({ source, renditions, partDuration });
    const input = args.indexOf('-i');
    expect(args.slice(input - 4, input + 2)).toEqual(['-protocol_whitelist', 'pipe', '-f', 'flv', '-i', 'pipe:0']);
    expect(args.filter((arg) => arg === '-i')).toHaveLength(1);
    const pipes = args.filter((arg) => arg.startsWith('pipe:'));
    expect(new Set(pipes)).toEqual(new Set(['pipe:0', ...[...renditions, 0].map((_, index) => `pipe:${index + 3}`)]));
  });

  it('keeps every element whole, also one with a space', () => {
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
