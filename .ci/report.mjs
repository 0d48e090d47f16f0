// Prints what the JSON reports of vitest say: the slowest files, each failed test with the beginning of its message, and in the last line
// "N passed, N failed". A report RUN-again.json holds what failed in RUN.json, run once more: a test that passes there counts as passed, and is
// named with its first message, so that nobody overlooks it.
import { readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';

const SLOWEST_FILES = 10;
const MESSAGE_LINES = 12;
const AGAIN = /-again$/;

const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const unsteady = [];
const durations = [];
const paths = process.argv.slice(2);
const again = new Map(paths.filter((path) => AGAIN.test(runOf(path))).map((path) => [runOf(path), passedIn(path)]));

for (const path of paths) {
  const run = runOf(path);
  if (AGAIN.test(run)) continue;
  const report = read(path);
  if (report === undefined) {
    fail(run, 'wrote no report', 'It ended before its tests did.');
    continue;
  }
  const before = total.failed + unsteady.length;
  total.passed += report.numPassedTests;
  total.skipped += report.numPendingTests + report.numTodoTests;
  for (const { name, status, message, startTime, endTime, assertionResults } of report.testResults) {
    const file = relative('', name);
    durations.push({ file: `${run}: ${file}`, seconds: (endTime - startTime) / 1000 });
    const failed = assertionResults.filter((test) => test.status === 'failed');
    for (const { fullName, failureMessages } of failed) judge(run, `${file} > ${fullName}`, failureMessages.join('\n'));
    // A file that cannot be loaded, or a hook of it that fails: that is one failure.
    if (status === 'failed' && failed.length === 0) judge(run, file, message);
  }
  if (!report.success && total.failed + unsteady.length === before) {
    fail(run, 'outside of its tests', 'See its own output above.');
  }
}

process.stdout.write(`\nThe ${SLOWEST_FILES} slowest test files:\n`);
for (const { file, seconds } of durations.sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST_FILES)) {
  process.stdout.write(`${seconds.toFixed(1).padStart(7)} s  ${file}\n`);
}
if (unsteady.length > 0)
  process.stdout.write(`\nFailed at first, and passed when run again:\n${unsteady.join('\n')}\n`);
if (failures.length > 0) process.stdout.write(`\nFailed:\n${failures.join('\n')}\n`);
process.stdout.write(
  `${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ''}\n`,
);
process.exitCode = total.failed > 0 ? 1 : 0;

function runOf(path) {
  return basename(path, '.json');
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Files, and tests by file and name. */
function passedIn(path) {
  const passed = new Set();
  for (const { name, status, assertionResults } of read(path)?.testResults ?? []) {
    const file = relative('', name);
    if (status === 'passed') passed.add(file);
    for (const test of assertionResults) if (test.status === 'passed') passed.add(`${file} > ${test.fullName}`);
  }
  return passed;
}

function judge(run, test, message) {
  if (again.get(`${run}-again`)?.has(test) !== true) return fail(run, test, message);
  total.passed++;
  unsteady.push(entry(run, test, message));
}

function fail(run, test, message) {
  total.failed++;
  failures.push(entry(run, test, message));
}

function entry(run, test, message) {
  const lines = message.trim().split('\n').slice(0, MESSAGE_LINES);
  return [`- ${run}: ${test}`, ...lines.map((line) => `    ${line}`)].join('\n');
}
