// The picture and the sound of the demo: an FFmpeg that writes FLV in real time to its stdout, cheap enough to leave the machine to the transcoder.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** stdin is not there, so a terminal's keys cannot reach it. */
export type TestPatternProcess = ChildProcessByStdio<null, Readable, Readable>;

const SIZE = '1280x720';
const FRAME_RATE = 30;
/** Two seconds: the default segment duration, so that every segment starts on a key frame without waiting. */
const GOP = 2 * FRAME_RATE;

/** The bar below the pattern; the clock is the machine's own, so a viewer can read off the delay from glass to glass. */
const CAPTION = [
  'drawbox=x=0:y=ih-150:w=iw:h=150:color=0x0b1f3a@0.85:t=fill',
  "drawtext=text='Sluice demo':fontsize=56:fontcolor=white:x=48:y=h-104",
  "drawtext=text='%{localtime\\:%T}':fontsize=72:fontcolor=white:x=w-tw-48:y=h-112",
].join(',');

/**
 * FFmpeg's arguments. `ultrafast` is a choice: 720p30 of this pattern costs 6.5 % of a core, against 12 % with superfast and
 * 22 % with veryfast (FFmpeg 7.0), and the bitrate is enough for either to look the same.
 */
export function testPatternArguments(caption: boolean): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
    ...['-re', '-f', 'lavfi', '-i', `testsrc2=size=${SIZE}:rate=${FRAME_RATE}`],
    ...['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:beep_factor=4:sample_rate=48000'],
    ...(caption ? ['-vf', CAPTION] : []),
    ...['-af', 'volume=0.25'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-threads', '1'],
    ...['-g', `${GOP}`, '-keyint_min', `${GOP}`, '-sc_threshold', '0'],
    ...['-b:v', '2500k', '-maxrate', '2500k', '-bufsize', '2500k'],
    ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2'],
    ...['-flvflags', 'no_duration_filesize', '-f', 'flv', '-flush_packets', '1', 'pipe:1'],
  ];
}

export function startTestPattern(ffmpegPath: string, caption: boolean): TestPatternProcess {
  return spawn(ffmpegPath, testPatternArguments(caption), { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Whether this FFmpeg can write on a picture: the filter may be left out of a build, and a machine may have no font. Proven by doing it. */
export function canDrawCaption(ffmpegPath: string, signal: AbortSignal): Promise<boolean> {
  const source = ['-f', 'lavfi', '-i', `color=size=${SIZE}:rate=${FRAME_RATE}:duration=0.04`];
  const child = spawn(
    ffmpegPath,
    ['-hide_banner', '-nostdin', '-loglevel', 'quiet', ...source, '-vf', CAPTION, '-f', 'null', '-'],
    { stdio: 'ignore', timeout: 5_000, killSignal: 'SIGKILL', signal },
  );
  return new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('close', (status) => resolve(status === 0));
  });
}
