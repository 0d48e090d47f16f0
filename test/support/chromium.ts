// A real browser for tests, even on a machine without one: unpacks Chromium and its libraries from an npm package.

import { execFile } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

const run = promisify(execFile);

/** Makes the package unpack its Amazon Linux libraries (nss, nspr, expat), which a bare Debian lacks too. */
const PRETEND_LAMBDA = { AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' };

const UNPACK = `
  const { default: chromium } = await import(process.argv[1]);
  await chromium.executablePath();
`;

const ARGUMENTS = [
  // Tests may run as root and in containers, where the sandbox cannot be set up. Only pages of our own are opened.
  '--no-sandbox',
  '--no-zygote',
  // Containers give /dev/shm 64 MB, which a few video frames fill.
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
  // There is no GPU: the CPU composes the pictures, without a graphics API.
  '--disable-gpu',
];

export interface BrowserOptions {
  /** Pass false to test what a page does when the browser refuses to play sound by itself. Default true. */
  readonly autoplayWithSound?: boolean;
}

/** Starts Chromium 147 (H.264, AAC). The caller closes it. @throws when it does not start: a browser test never skips itself. */
export async function launchBrowser({ autoplayWithSound = true }: BrowserOptions = {}): Promise<Browser> {
  const directory = await unpackedChromium();
  const { LD_LIBRARY_PATH: inherited, ...environment } = process.env;
  const libraries = join(directory, 'al2023', 'lib');
  return chromium.launch({
    executablePath: join(directory, 'chromium'),
    args: [
      ...ARGUMENTS,
      `--autoplay-policy=${autoplayWithSound ? 'no-user-gesture-required' : 'user-gesture-required'}`,
    ],
    env: {
      ...environment,
      HOME: directory,
      FONTCONFIG_PATH: join(directory, 'fonts'),
      LD_LIBRARY_PATH: inherited === undefined ? libraries : `${libraries}:${inherited}`,
    },
  });
}

/** Unpacks once per machine and version. Several test workers may do so at the same time, so one rename puts the result in place. */
async function unpackedChromium(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const version = await packageVersion(entry);
  const root = join(tmpdir(), `sluice-test-chromium-${userInfo().uid}`);
  const directory = join(root, version);
  await privateDirectory(root);
  if (await exists(directory)) return directory;

  const work = await mkdtemp(join(root, 'unpack-'));
  try {
    const unpackArguments = ['--input-type=module', '--eval', UNPACK, entry];
    await run(process.execPath, unpackArguments, { env: { ...process.env, ...PRETEND_LAMBDA, TMPDIR: work } });
    await useFontsOf(work, directory);
    await rename(work, directory);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    // Another worker was faster.
    if (await exists(directory)) return directory;
    throw new Error('Chromium could not be unpacked', { cause: error });
  }
  return directory;
}

/** The unpacked files are executed, so the directory must belong to this user, even in a shared /tmp. */
async function privateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const status = await lstat(path);
  if (!status.isDirectory() || status.uid !== userInfo().uid) throw new Error(`${path} belongs to somebody else`);
}

/** The package's fonts.conf names /tmp/fonts, which is not where it unpacked to. */
async function useFontsOf(unpacked: string, final: string): Promise<void> {
  const file = join(unpacked, 'fonts', 'fonts.conf');
  const configuration = await readFile(file, 'utf8');
  await writeFile(file, configuration.replaceAll('/tmp/fonts', join(final, 'fonts')));
}

async function packageVersion(entry: string): Promise<string> {
  for (let directory = dirname(entry); directory !== dirname(directory); directory = dirname(directory)) {
    try {
      const manifest: unknown = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
      const { name, version } = manifest as { name?: string; version?: string };
      if (name === '@sparticuz/chromium' && version !== undefined) return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`no package.json of @sparticuz/chromium above ${entry}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}
