#!/usr/bin/env node
// The program: gives the commands this process, and their exit status to the shell. Packages are loaded last: before that, signals
// must be in hand, and whether there are enough files to load them.

import { openFilesProblem } from './cli/open-files.js';
import { holdSignals } from './cli/signals.js';

holdSignals();
const problem = openFilesProblem();
if (problem !== undefined) {
  process.stderr.write(`sluice: cannot start: ${problem}\n`);
  process.exit(1);
}
const { run } = await import('./cli/program.js');
process.exit(await run(process.argv.slice(2)));
