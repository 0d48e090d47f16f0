#!/usr/bin/env node
// The program: passes this process to the commands, and their exit status to the shell. Packages are loaded last, because before that the
// signal handlers must be installed and the limit of open files must be checked.

import { holdSignals } from './cli/held-signals.js';
import { openFilesProblem } from './cli/open-files.js';

holdSignals();
const problem = openFilesProblem();
if (problem !== undefined) {
  process.stderr.write(`sluice: cannot start: ${problem}\n`);
  process.exit(1);
}
const { run } = await import('./cli/program.js');
process.exit(await run(process.argv.slice(2)));
