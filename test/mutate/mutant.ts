// A copy of the repository in which one mutation at a time is made and its test is run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutation } from './mutation.js';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Files and directories that tests read. */
const COPIED = ['src', 'test', 'public', 'docs', 'deploy', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

/** A test that hangs without the rule has noticed the mutation. No named test needs this long when it passes. */
const TEST_TIMEOUT = 20_000;

const CONFIGURATION = `
export default {
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/program-directory.ts'],
    testTimeout: ${TEST_TIMEOUT},
    restoreMocks: true,
    maxWorkers: 1,
  },
};
`;

export interface TestRun {
  readonly passed: number;
  readonly failed: number;
  /** The output of vitest, for a reader of the report. */
  readonly output: string;
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
}

export class Mutant {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** @param directory an empty directory; the caller removes it */
  static async copy(directory: string): Promise<Mutant> {
    for (const name of COPIED) await cp(join(ROOT, name), join(directory, name), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
    await writeFile(join(directory, 'vitest.mutant.config.mjs'), CONFIGURATION);
    return new Mutant(directory);
  }

  /** Runs `action` in the copy with the mutation made, and undoes it. */
  async with<Result>({ file, text, replacement }: Mutation, action: () => Promise<Result>): Promise<Result> {
    const path = join(this.#directory, file);
    const original = await readFile(path, 'utf8');
    // A function, because `$` has a meaning in replacements.
    await writeFile(
      path,
      original.replace(text, () => replacement),
    );
    try {
      return await action();
    } finally {
      await writeFile(path, original);
    }
  }

  /** The tests of these files whose titles contain this. */
  async run({ test, title }: Pick<Mutation, 'test' | 'title'>): Promise<TestRun> {
    const report = join(this.#directory, 'report.json');
    await rm(report, { force: true });
    const options = ['--config', 'vitest.mutant.config.mjs', '--reporter=default', '--reporter=json'];
    const child = spawn(
      process.execPath,
      [
        join(ROOT, 'node_modules/vitest/vitest.mjs'),
        ...['run', ...options, `--outputFile.json=${report}`],
        ...['--testNamePattern', escapePattern(title), test],
      ],
      { cwd: this.#directory, env: { ...process.env, FORCE_COLOR: '0', CI: '1' }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(child, 'close');
    const text = await readFile(report, 'utf8').catch(() => '{"numPassedTests":0,"numFailedTests":0}');
    const { numPassedTests, numFailedTests } = JSON.parse(text) as Report;
    return { passed: numPassedTests, failed: numFailedTests, output };
  }
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
