#!/usr/bin/env node
// The program: gives the commands this process, and their exit status to the shell.

import { letHeapGrow } from './cli/heap-growth.js';
import { main } from './cli/main.js';
import { hideKeyArgument, processIo } from './cli/process-io.js';

letHeapGrow();
const argv = process.argv.slice(2);
hideKeyArgument(argv);
process.exit(await main(argv, processIo()));
