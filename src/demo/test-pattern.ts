// Generates picture and sound of the demo with an FFmpeg that writes FLV to stdout in real time, cheaply enough to leave the machine to the
// transcoder.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** It has no stdin, so that keys typed in the terminal cannot reach it. */
export type TestPatternProcess = ChildProcessByStdio<null, Readable, Readable>;

const SIZE = '1280x720';
const FRAME_RATE = 30;
/** Two seconds, the default segment duration: every segment starts at a key frame without delay. */
const GOP = 2 * FRAME_RATE;

/** The bar below the pattern shows the machine's clock, so that a viewer can read off the glass-to-glass delay. */
const CAPTION = [
  'drawbox=x=0:y=ih-150:w=iw:h=150:color=0x0b1f3a@0.85:t=fill',
  "drawtext=text='Sluice demo':fontsize=56:fontcolor=white:x=48:y=h-104",
  "drawtext=text='%{localtime\\:%T}':fontsize=72:fontcolor=white:x=w-tw-48:y=h-112",
].join(',');

/**
 * FFmpeg's arguments. `ultrafast` is deliberate: 720p30 of this pattern uses 6.5 % of a core, compared with 12 % for superfast and 22 % for
 * veryfast (FFmpeg 7.0), and at this bit rate all look the same.
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

/** Whether this FFmpeg can draw text. This is tried, because a build may lack the filter, and a machine may have no font. */
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
