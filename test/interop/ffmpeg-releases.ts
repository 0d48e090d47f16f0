// FFmpeg releases of several years, because encoders in use are of all ages. Two of them are downloaded on request only.
import { execFile } from 'node:child_process';
import { access, chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DEBIAN_FFMPEG } from '../support/peers.js';
import { npmFfmpeg } from '../support/processes.js';

const run = promisify(execFile);

export type FfmpegRelease = '4.1' | '5.1' | '6.1' | '7.0';

/** npm packages that contain only the program. They are fetched for a run of the matrix, and never installed with the project. */
const PACKAGES = {
  '4.1': '@ffmpeg-installer/linux-x64@4.1.0',
  '6.1': '@ffmpeg-installer-tl/linux-x64@6.1.0',
} as const;

/** Path of the program. @throws if it cannot be fetched, because a run of the matrix must not skip it silently */
export async function ffmpegRelease(release: FfmpegRelease): Promise<string> {
  if (release === '7.0') return npmFfmpeg();
  if (release === '5.1') return DEBIAN_FFMPEG;
  // A private directory, because the files in it are executed.
  const root = join(tmpdir(), `sluice-interop-${userInfo().uid}`);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const directory = join(root, release);
  const program = join(directory, 'package', 'ffmpeg');
  if (await exists(program)) return program;
  const work = await mkdtemp(join(root, 'unpack-'));
  try {
    const { stdout } = await run('npm', ['pack', '--silent', PACKAGES[release]], { cwd: work });
    await run('tar', ['xzf', stdout.trim()], { cwd: work });
    await chmod(join(work, 'package', 'ffmpeg'), 0o755);
    await rename(work, directory);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    if (!(await exists(program))) throw new Error(`FFmpeg ${release} could not be fetched`, { cause: error });
  }
  return program;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
