// Creates the directory for the program that tests compile, once for all files of a run, and removes it after the last.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly programDirectory: string;
  }
}

/**
 * For `globalSetup` of vitest.
 * @returns the function that ends the run
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-program-'));
  project.provide('programDirectory', directory);
  return () => rm(directory, { recursive: true, force: true });
}
