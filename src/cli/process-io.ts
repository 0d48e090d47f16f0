// This process as the commands see it: its streams, environment, signals and exit.

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { processEnvironment } from '../config/environment.js';
import type { CommandIo } from './io.js';

export function processIo(): CommandIo {
  // Whoever read our output has left: nothing to say and nobody to say it to, but streams go on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: processEnvironment(),
    cwd: process.cwd(),
    readSecret,
    onStopSignal(listener) {
      process.on('SIGINT', listener);
      process.on('SIGTERM', listener);
      return () => {
        process.off('SIGINT', listener);
        process.off('SIGTERM', listener);
      };
    },
    exit: (status) => process.exit(status),
  };
}

/** The terminal's echo goes nowhere; the prompt goes where it does not mix with the answer. */
async function readSecret(prompt: string): Promise<string> {
  const isTerminal = process.stdin.isTTY === true;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: isTerminal });
  if (isTerminal) process.stderr.write(prompt);
  try {
    return await new Promise<string>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
    });
  } finally {
    lines.close();
    if (isTerminal) process.stderr.write('\n');
  }
}

/** On Linux a title overwrites the arguments, so that a key given as a flag leaves the process list as soon as it is read. */
export function hideKeyArgument(argv: readonly string[]): void {
  if (argv.some((argument) => argument.startsWith('--publish-key'))) process.title = 'sluice';
}
