// The program compiled from these sources, once for all test files of a run, because tsc takes longer than most of them.
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { eventually } from './hls-client.js';
import { runProgram } from './processes.js';
import './program-directory.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Read-only: all test files share it. @returns the directory of the package; the program is its `dist/cli.js` */
export async function buildProgram(): Promise<string> {
  const shared = inject('programDirectory');
  const directory = join(shared, 'package');
  const failure = join(shared, 'failure');
  // The worker that succeeds in creating this directory compiles. The others wait until the package or an error file appears.
  const isFirst = await mkdir(join(shared, 'begun')).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );
  if (isFirst) {
    try {
      await compile(shared, directory);
    } catch (error) {
      await writeFile(failure, String(error));
      throw error;
    }
    return directory;
  }
  const contents = (path: string) => readFile(path, 'utf8').catch(() => undefined);
  return eventually(async () => {
    const reason = await contents(failure);
    if (reason !== undefined) throw new Error(reason);
    return (await contents(join(directory, 'package.json'))) === undefined ? undefined : directory;
  });
}

async function compile(shared: string, directory: string): Promise<void> {
  const unfinished = await mkdtemp(join(shared, 'unfinished-'));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const output = ['--outDir', join(unfinished, 'dist')];
  try {
    await runProgram(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), ...output]);
    for (const name of ['node_modules', 'public']) await symlink(join(root, name), join(unfinished, name));
    await cp(join(root, 'package.json'), join(unfinished, 'package.json'));
    await rename(unfinished, directory);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}
