// The last lines that the CI script prints: they must show which tests failed and why.
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from './support/temp-dir.js';

const FAILED_FILES = fileURLToPath(new URL('../.ci/failed-files.mjs', import.meta.url));
const REPORT = fileURLToPath(new URL('../.ci/report.mjs', import.meta.url));

/** A run that ended without its report. */
const LOST = {};

const passed = { status: 'passed', fullName: 'a rule holds', failureMessages: [] };
const failed = { status: 'failed', fullName: 'a rule is broken', failureMessages: ['Error: 3 is not 4\n    at here'] };
const file = (name: string, seconds: number, ...assertionResults: { readonly status: string }[]) => ({
  ...{
    name: join(process.cwd(), name),
    startTime: 1_000,
    endTime: 1_000 + seconds * 1000,
    message: 'cannot be loaded',
  },
  ...{ assertionResults, status: assertionResults.some(({ status }) => status === 'passed') ? 'passed' : 'failed' },
});

async function endOfGate(reports: Readonly<Record<string, object>>) {
  const directory = await temporaryDirectory();
  const paths: string[] = [];
  for (const [run, report] of Object.entries(reports)) {
    const path = join(directory, `${run}.json`);
    const counts = { numPassedTests: 1, numPendingTests: 0, numTodoTests: 0, success: true };
    if (report !== LOST) await writeFile(path, JSON.stringify({ ...counts, ...report }));
    paths.push(path);
  }
  const { status, stdout } = spawnSync(process.execPath, [REPORT, ...paths], { encoding: 'utf8' });
  return { status, lines: stdout.trimEnd().split('\n') };
}

describe('the end of the gate', () => {
  it('counts all runs in its last line, and names the slowest files before it', async () => {
    const { status, lines } = await endOfGate({
      suite: { testResults: [file('test/quick.test.ts', 1, passed), file('test/slow.test.ts', 20, passed)] },
      mutations: { numPendingTests: 2, testResults: [] },
    });
    expect(status).toBe(0);
    expect(lines.slice(-3)).toEqual([
      '   20.0 s  suite: test/slow.test.ts',
      '    1.0 s  suite: test/quick.test.ts',
      '2 passed, 0 failed, 2 skipped',
    ]);
  });

  it('names each failed test with the beginning of its message, and each file whose tests never ran', async () => {
    const { status, lines } = await endOfGate({
      suite: {
        success: false,
        testResults: [file('test/some.test.ts', 1, passed, failed), file('test/bad.test.ts', 1)],
      },
      lts: { success: false, testResults: [file('test/some.test.ts', 1, passed)] },
      mutations: LOST,
    });
    expect(status).toBe(1);
    expect(lines.slice(lines.indexOf('Failed:'))).toEqual([
      ...['Failed:', '- suite: test/some.test.ts > a rule is broken', '    Error: 3 is not 4', '        at here'],
      ...['- suite: test/bad.test.ts', '    cannot be loaded'],
      ...['- lts: outside of its tests', '    See its own output above.'],
      ...['- mutations: wrote no report', '    It ended before its tests did.'],
      '2 passed, 4 failed',
    ]);
  });

  it('counts a test that passes when it is run again, and names it with its first message', async () => {
    const { status, lines } = await endOfGate({
      suite: {
        success: false,
        testResults: [file('test/some.test.ts', 1, passed, failed), file('test/bad.test.ts', 1)],
      },
      'suite-again': {
        testResults: [
          file('test/some.test.ts', 1, passed, { ...failed, status: 'passed' }),
          file('test/bad.test.ts', 1, passed),
        ],
      },
    });
    expect(status).toBe(0);
    expect(lines.slice(lines.indexOf('Failed at first, and passed when run again:') + 1)).toEqual([
      ...['- suite: test/some.test.ts > a rule is broken', '    Error: 3 is not 4', '        at here'],
      ...['- suite: test/bad.test.ts', '    cannot be loaded'],
      '3 passed, 0 failed',
    ]);
  });

  it('counts a test that fails again, one that fails in another run, and a failure that no test reports', async () => {
    const { status, lines } = await endOfGate({
      suite: { success: false, testResults: [file('test/some.test.ts', 1, passed, failed)] },
      'suite-again': { success: false, testResults: [file('test/some.test.ts', 1, passed, failed)] },
      lts: { success: false, testResults: [file('test/some.test.ts', 1, passed, failed)] },
      mutations: { success: false, testResults: [] },
      'mutations-again': { testResults: [] },
    });
    expect(status).toBe(1);
    expect(lines.filter((line) => line.startsWith('- '))).toEqual([
      '- suite: test/some.test.ts > a rule is broken',
      '- lts: test/some.test.ts > a rule is broken',
      '- mutations: outside of its tests',
    ]);
    expect(lines.at(-1)).toBe('3 passed, 3 failed');
  });
});

describe('the files that are run again', () => {
  const failedFiles = async (...names: string[]): Promise<string> => {
    const path = join(await temporaryDirectory(), 'suite.json');
    const testResults = [file('test/good.test.ts', 1, passed), ...names.map((name) => file(name, 1, failed))];
    await writeFile(path, JSON.stringify({ testResults }));
    return spawnSync(process.execPath, [FAILED_FILES, path], { encoding: 'utf8' }).stdout;
  };

  it('are those that failed', async () => {
    expect(await failedFiles('test/a.test.ts', 'test/b.test.ts')).toBe('test/a.test.ts\ntest/b.test.ts\n');
    expect(await failedFiles()).toBe('');
  });

  it('are none if many failed, or if there is no report', async () => {
    const many = [1, 2, 3, 4, 5, 6].map((number) => `test/${number}.test.ts`);
    expect(await failedFiles(...many)).toBe('');
    const { status, stdout } = spawnSync(process.execPath, [FAILED_FILES, '/nowhere.json'], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });
});
