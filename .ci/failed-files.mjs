// Prints the test files that failed in a JSON report of vitest, one a line: those that are worth a second run. Prints nothing if there is no
// report, or if so many failed that the machine is not to blame.
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

const MOST_FILES = 5;

const path = process.argv[2];
const { testResults } = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { testResults: [] };
const failed = testResults.filter(({ status }) => status === 'failed').map(({ name }) => relative('', name));
if (failed.length <= MOST_FILES) process.stdout.write(failed.map((file) => `${file}\n`).join(''));
