// If the reader of the log stops, the gateway must not run out of memory; if it continues, it must get the end of the log.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { buildProgram } from '../support/built-program.js';

/** Writes 100,000 lines of 100 bytes to a real pipe that nobody reads, reports, and ends properly on request. */
const WRITER = `
const { BoundedOutput } = await import(process.argv[1]);
const output = new BoundedOutput(process.stdout, { maxBytes: 100_000, leftOut: (count) => 'left out: ' + count + '\\n' });
let highest = 0;
for (let i = 0; i < 100_000; i++) {
  output.write(String(i).padStart(99, '.') + '\\n');
  highest = Math.max(highest, output.waitingBytes);
  if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
}
process.send({ highest, inStream: process.stdout.writableLength });
process.once('message', async ([command, timeout]) => {
  output.write('the last line\\n');
  await output.flush(timeout);
  process.exit(0);
});
`;

async function startWriter() {
  const module = join(await buildProgram(), 'dist', 'cli', 'bounded-output.js');
  const child = fork(module, [], {
    execArgv: ['--input-type=module', '-e', WRITER, '--'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [report] = (await once(child, 'message')) as [{ highest: number; inStream: number }];
  return { child, report };
}

it('bounds the buffered output, says how much was dropped, and still writes the end when the reader continues', async () => {
  const { child, report } = await startWriter();
  expect(report.highest).toBeLessThanOrEqual(100_100);
  expect(report.inStream).toBeLessThan(200_000);
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  child.send(['end', 60_000]);
  await once(child, 'close');
  const lines = text.trimEnd().split('\n');
  expect(lines.at(-1)).toBe('the last line');
  expect(lines.at(-2)).toBe('99999'.padStart(99, '.'));
  const notices = lines.filter((line) => line.startsWith('left out: '));
  const leftOut = notices.reduce((sum, line) => sum + Number(line.slice(10)), 0);
  expect(leftOut).toBeGreaterThan(90_000);
  expect(lines.length - notices.length - 1 + leftOut).toBe(100_000);
});

it('does not wait for the reader for ever when it ends', async () => {
  const { child } = await startWriter();
  child.send(['end', 100]);
  await once(child, 'exit');
  expect(child.exitCode).toBe(0);
});
