// This process as commands see it: its streams, environment, signals and exit.

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { processEnvironment } from '../config/environment.js';
import { BoundedOutput } from './bounded-output.js';
import { onHeldSignal } from './held-signals.js';
import type { CommandIo } from './io.js';

export interface ProcessIo extends CommandIo {
  /** Call before the process exits: waits until pending output has been read. */
  flush(): Promise<void>;
}

export function processIo(): ProcessIo {
  const stdout = new BoundedOutput(process.stdout, { leftOut: leftOutRecord });
  const stderr = new BoundedOutput(process.stderr, { leftOut: (count) => `sluice: ${count} messages were left out\n` });
  return {
    stdout,
    stderr,
    flush: async () => {
      await Promise.all([stdout.flush(), stderr.flush()]);
    },
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
    onHeldSignal,
    onFatalError(listener) {
      const thrown = (error: unknown): void => listener(error, 'uncaughtException');
      const rejected = (error: unknown): void => listener(error, 'unhandledRejection');
      process.on('uncaughtException', thrown);
      process.on('unhandledRejection', rejected);
      return () => {
        process.off('uncaughtException', thrown);
        process.off('unhandledRejection', rejected);
      };
    },
    exit: (status) => process.exit(status),
  };
}

/** In the format of the other log records, so that programs can parse it. */
function leftOutRecord(count: number): string {
  const record = {
    level: 40,
    time: Date.now(),
    pid: process.pid,
    records: count,
    msg: 'log records were left out: nobody read standard output',
  };
  return `${JSON.stringify(record)}\n`;
}

/** Does not show what is typed. Writes the prompt to stderr, apart from the output. */
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

/**
 * On Linux a process title overwrites the arguments. So a secret that was given as a flag disappears from the process list as soon as it
 * has been read.
 */
export function hideKeyArgument(argv: readonly string[]): void {
  if (argv.some((argument) => /^--(?:publish-key|play-secrets)/.test(argument))) process.title = 'sluice';
}
