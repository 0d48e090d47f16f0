// What the gate prints at its end: whoever reads only the last lines of it learns which tests failed and why.
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from './support/temp-dir.js';

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
});
