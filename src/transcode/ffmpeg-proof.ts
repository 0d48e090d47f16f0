// Checks a candidate by running it. That a file exists and is executable does not show what it can do.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { systemCode, systemReason } from '../protocols/system-error.js';
import type { Milliseconds } from '../protocols/units.js';
import { type ChildEnvironment, DEFAULT_CHILD_ENVIRONMENT } from './child-environment.js';
import type { FfmpegInstallation, FfmpegOrigin } from './ffmpeg-installation.js';
import { killGroup } from './ffmpeg-process.js';

/** The result of a check; the reason is one line for a person. */
export type FfmpegProof =
  | { readonly works: true; readonly installation: FfmpegInstallation }
  | { readonly works: false; readonly reason: string };

/** A cold start from a slow disk takes a second or two; a program that is not FFmpeg may never end. */
const RUN_TIMEOUT: Milliseconds = 15_000;
/** `-encoders` of a full build prints 20 kB. */
const MAX_OUTPUT_BYTES = 1_000_000;
const MAX_REASON_LENGTH = 300;

/** The filters that convert HDR pictures to SDR. */
const TONE_MAPPING_FILTERS = ['zscale', 'tonemap'] as const;
const REQUIRED_ENCODERS = ['libx264', 'aac'] as const;
/** `-fps_mode` exists since 5.1 and is the only spelling that newer versions still accept. */
const OLDEST_VERSION = { major: 5, minor: 1 } as const;
/** HEVC, AV1 and VP9 in FLV. */
const ENHANCED_RTMP_VERSION = { major: 6, minor: 1 } as const;
/** Opus, FLAC, AC-3 and E-AC-3 in FLV. */
const ENHANCED_RTMP_AUDIO_VERSION = { major: 8, minor: 0 } as const;
/** A development build has no version number; it counts as newer than any release. */
const DEVELOPMENT_VERSION = { major: 999, minor: 0 } as const;

/** Tests both encoders, the muxer with the flags used for every stream, and a pipe: 5 black frames and 0.2 s of silence. */
const TINY_ENCODE: readonly string[] = [
  ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
  '-filter_complex',
  'color=c=black:s=64x64:r=25:d=0.2,scale=32:32[v];anullsrc=r=48000:cl=stereo,atrim=duration=0.2[a]',
  ...['-map', '[v]', '-fps_mode', 'passthrough', '-enc_time_base', '1:1000', '-c:v', 'libx264', '-preset', 'veryfast'],
  ...['-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-map', '[a]', '-c:a', 'aac', '-f', 'mp4'],
  ...['-movflags', '+cmaf+frag_keyframe+empty_moov+default_base_moof+frag_discont', 'pipe:1'],
];

export interface ProofOptions {
  /** The environment that the program sees. */
  readonly environment?: ChildEnvironment | undefined;
  /** Time limit for each run. Default 15 s. */
  readonly timeout?: Milliseconds | undefined;
  /** Ends the running program and the check. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs `-version`, `-encoders`, `-decoders`, `-filters` and a test encode. Never throws. */
export async function proveFfmpeg(
  origin: FfmpegOrigin,
  path: string,
  { environment = DEFAULT_CHILD_ENVIRONMENT, timeout = RUN_TIMEOUT, signal }: ProofOptions = {},
): Promise<FfmpegProof> {
  const options: RunOptions = { environment, timeout, signal };
  const version = await run(path, options, ['-hide_banner', '-version']);
  if (!version.ok) return { works: false, reason: version.reason };
  const parsed = parseFfmpegVersion(version.stdout.toString('utf8'));
  if (parsed === undefined) return { works: false, reason: 'it runs, but what -version prints is not FFmpeg' };
  if (isOlder(parsed.version, OLDEST_VERSION)) {
    return {
      works: false,
      reason: `version ${parsed.text} is older than ${OLDEST_VERSION.major}.${OLDEST_VERSION.minor}`,
    };
  }
  const listed = await run(path, options, ['-hide_banner', '-encoders']);
  if (!listed.ok) return { works: false, reason: `-encoders: ${listed.reason}` };
  const encoders = parseFfmpegCodecList(listed.stdout.toString('utf8'));
  const missing = REQUIRED_ENCODERS.filter((name) => !encoders.has(name));
  if (missing.length > 0) return { works: false, reason: `version ${parsed.text} lacks ${missing.join(' and ')}` };
  const decoders = await run(path, options, ['-hide_banner', '-decoders']);
  if (!decoders.ok) return { works: false, reason: `-decoders: ${decoders.reason}` };
  const encoded = await run(path, options, TINY_ENCODE);
  if (!encoded.ok) return { works: false, reason: `a test encode failed: ${encoded.reason}` };
  if (encoded.stdout.toString('latin1', 4, 8) !== 'ftyp' || !encoded.stdout.includes('moof')) {
    return { works: false, reason: `a test encode wrote ${encoded.stdout.length} bytes that are not fragmented MP4` };
  }
  const filters = await run(path, options, ['-hide_banner', '-filters']);
  // Lines like ` .SC zscale  V->V  description`.
  const listsFilter = (name: string): boolean =>
    filters.ok && new RegExp(`^ \\S{2,3} ${name} `, 'm').test(filters.stdout.toString('utf8'));
  return {
    works: true,
    installation: {
      path,
      version: parsed.version,
      versionText: parsed.text,
      origin,
      encoders,
      decoders: parseFfmpegCodecList(decoders.stdout.toString('utf8')),
      toneMapping: TONE_MAPPING_FILTERS.every(listsFilter),
      enhancedRtmp: !isOlder(parsed.version, ENHANCED_RTMP_VERSION),
      enhancedRtmpAudio: !isOlder(parsed.version, ENHANCED_RTMP_AUDIO_VERSION),
    },
  };
}

export interface FfmpegVersion {
  readonly version: { readonly major: number; readonly minor: number };
  readonly text: string;
}

/** First line of `-version`: `ffmpeg version 5.1.9-0+deb12u1 Copyright …`, `n7.0-7-gd38…`, `N-109468-g…`, `2024-04-07-git-…`. */
export function parseFfmpegVersion(output: string): FfmpegVersion | undefined {
  const text = /^ffmpeg version (\S{1,80})/.exec(output)?.[1];
  if (text === undefined) return undefined;
  const number = /^n?(\d{1,2})\.(\d{1,3})(?!\d)/.exec(text);
  if (number === null) return { version: DEVELOPMENT_VERSION, text };
  return { version: { major: Number(number[1]), minor: Number(number[2]) }, text };
}

/** Lines of `-encoders` and `-decoders` like ` V....D libx264  description`, after a legend that ends in dashes. */
export function parseFfmpegCodecList(output: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const line of output.split('\n')) {
    const name = /^ [VAS][F.][S.][X.][B.][D.] (\S+)/.exec(line)?.[1];
    if (name !== undefined && name !== '=') names.add(name);
  }
  return names;
}

export function isOlder(
  version: { readonly major: number; readonly minor: number },
  than: { readonly major: number; readonly minor: number },
): boolean {
  return version.major < than.major || (version.major === than.major && version.minor < than.minor);
}

type RunResult = { readonly ok: true; readonly stdout: Buffer } | { readonly ok: false; readonly reason: string };

interface RunOptions {
  readonly environment: ChildEnvironment;
  readonly timeout: Milliseconds;
  readonly signal: AbortSignal | undefined;
}

function run(path: string, { environment, timeout, signal }: RunOptions, args: readonly string[]): Promise<RunResult> {
  return new Promise((resolve) => {
    const fail = (reason: string): void => resolve({ ok: false, reason: reason.slice(0, MAX_REASON_LENGTH) });
    if (signal?.aborted) return fail(ABORTED);
    let child: ReturnType<typeof spawnCandidate>;
    try {
      child = spawnCandidate(path, environment, args);
    } catch (error) {
      // spawn throws errors other than ENOENT, EACCES and similar ones instead of emitting them.
      fail(errorText(error, path));
      return;
    }
    const giveUp = (reason: string): void => {
      killGroup(child);
      // A grandchild that has left the process group would keep these pipes open.
      child.stdout?.destroy();
      child.stderr?.destroy();
      fail(reason);
    };
    const timer = setTimeout(() => giveUp(lateReason(child, timeout)), timeout);
    const abort = (): void => giveUp(ABORTED);
    signal?.addEventListener('abort', abort, { once: true });
    const stdout: Buffer[] = [];
    let size = 0;
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_OUTPUT_BYTES) stdout.push(chunk);
      else killGroup(child);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('latin1')).slice(-MAX_REASON_LENGTH);
    });
    child.once('error', (error) => fail(errorText(error, path)));
    child.once('close', (code, signalName) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      if (code === 0) resolve({ ok: true, stdout: Buffer.concat(stdout) });
      else fail(`it ended with ${signalName ?? `code ${code}`}${stderr === '' ? '' : `: ${oneLine(stderr)}`}`);
    });
  });
}

const ABORTED = 'it was not waited for: the gateway was told to stop';

function lateReason(child: ChildProcess, timeout: Milliseconds): string {
  const within = `within ${timeout / 1000} s`;
  return child.exitCode === null && child.signalCode === null
    ? `it did not end ${within}; if it is a script around FFmpeg, let it start FFmpeg with exec`
    : `something it started did not end ${within}; if it is a script around FFmpeg, let it start FFmpeg with exec`;
}

/** In its own process group, so that the children of a script can be killed with it. */
function spawnCandidate(path: string, environment: ChildEnvironment, args: readonly string[]) {
  return spawn(path, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: false,
    env: environment,
    windowsHide: true,
    detached: process.platform !== 'win32',
  });
}

function errorText(error: unknown, path: string): string {
  switch (systemCode(error)) {
    case 'ENOENT':
      return existsSync(path) ? 'what its first line names as interpreter is not there' : 'there is no such file';
    case 'EACCES':
      return isDirectory(path) ? 'it may not be executed: it is a directory' : 'it may not be executed (chmod +x)';
    default:
      return systemReason(error);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Puts stderr of an unknown program on one line, and makes it printable. */
function oneLine(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
}
