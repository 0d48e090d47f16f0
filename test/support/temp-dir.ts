// Temporary directories for a test, which are removed at its end.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { whenOver } from './lifetime.js';

export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  whenOver(() => rm(path, { recursive: true, force: true }));
  return path;
}
