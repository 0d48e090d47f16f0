// Prints what the JSON reports of vitest say: the slowest files, each failed test with the beginning of its message, and in the last line
// "N passed, N failed".
import { readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';

const SLOWEST_FILES = 10;
const MESSAGE_LINES = 12;

const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const durations = [];
for (const path of process.argv.slice(2)) {
  const run = basename(path, '.json');
  const report = read(path);
  if (report === undefined) {
    fail(run, 'wrote no report', 'It ended before its tests did.');
    continue;
  }
  const before = total.failed;
  total.passed += report.numPassedTests;
  total.skipped += report.numPendingTests + report.numTodoTests;
  for (const { name, status, message, startTime, endTime, assertionResults } of report.testResults) {
    const file = relative('', name);
    durations.push({ file: `${run}: ${file}`, seconds: (endTime - startTime) / 1000 });
    const failed = assertionResults.filter((test) => test.status === 'failed');
    for (const { fullName, failureMessages } of failed) fail(run, `${file} > ${fullName}`, failureMessages.join('\n'));
    // A file that cannot be loaded, or a hook of it that fails: that is one failure.
    if (status === 'failed' && failed.length === 0) fail(run, file, message);
  }
  if (!report.success && total.failed === before) fail(run, 'outside of its tests', 'See its own output above.');
}

process.stdout.write(`\nThe ${SLOWEST_FILES} slowest test files:\n`);
for (const { file, seconds } of durations.sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST_FILES)) {
  process.stdout.write(`${seconds.toFixed(1).padStart(7)} s  ${file}\n`);
}
if (failures.length > 0) process.stdout.write(`\nFailed:\n${failures.join('\n')}\n`);
process.stdout.write(
  `${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ''}\n`,
);
process.exitCode = total.failed > 0 ? 1 : 0;

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function fail(run, test, message) {
  total.failed++;
  const lines = message.trim().split('\n').slice(0, MESSAGE_LINES);
  failures.push([`- ${run}: ${test}`, ...lines.map((line) => `    ${line}`)].join('\n'));
}
