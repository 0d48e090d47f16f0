#!/usr/bin/env node
// The program: gives the commands this process and its exit status back to the shell.

import { main } from './cli/main.js';
import { processEnvironment } from './config/environment.js';

const argv = process.argv.slice(2);
// On Linux a title overwrites the arguments, so that a key given as a flag leaves the process list as soon as it is read.
if (argv.some((argument) => argument.startsWith('--publish-key'))) process.title = 'sluice';

// Whoever read our output has left: nothing to say and nobody to say it to, but streams go on.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const status = await main(argv, {
  stdout: process.stdout,
  stderr: process.stderr,
  env: processEnvironment(),
  cwd: process.cwd(),
  onStopSignal(listener) {
    process.on('SIGINT', listener);
    process.on('SIGTERM', listener);
    return () => {
      process.off('SIGINT', listener);
      process.off('SIGTERM', listener);
    };
  },
  exit: (code) => process.exit(code),
});
process.exit(status);
