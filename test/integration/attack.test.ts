// Every attack of bench/attack in a small form against the built gateway: it stays alive, releases all memory, and its live stream continues.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { PhaseResult } from '../../bench/attack/results.js';
import { buildProgram } from '../support/built-program.js';
import { runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

it('C2.01 to C2.18: survives every attack beside a live stream, without leftovers', async () => {
  const directory = await temporaryDirectory();
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const attack = ['-p', join(root, 'bench', 'attack', 'tsconfig.json'), '--outDir', join(directory, 'attack')];
  const [program] = await Promise.all([buildProgram(), runProgram(process.execPath, [tsc, ...attack])]);
  for (const name of ['node_modules', 'public']) await symlink(join(root, name), join(directory, name));
  await cp(join(root, 'package.json'), join(directory, 'package.json'));

  const json = join(directory, 'results.json');
  const run = spawn(
    process.execPath,
    [
      ...[
        '--input-type=module',
        '--eval',
        'process.exit(await (await import(process.argv[1])).main(process.argv.slice(2)))',
      ],
      join(directory, 'attack', 'bench', 'attack', 'main.js'),
      ...['--gateway', join(program, 'dist', 'cli.js')],
      ...['--observer', join(root, 'bench', 'attack', 'inside-gateway.mjs')],
      ...['--short', '--no-browser', '--json', json],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const output of [run.stdout, run.stderr]) {
    output.on('data', (text) => {
      said += text;
    });
  }
  await once(run, 'close');
  expect(said).toContain('in all, at rest');
  expect(said).toContain('the gateway ended with 0');

  const { results } = JSON.parse(await readFile(json, 'utf8')) as { results: PhaseResult[] };
  const last = results.at(-1);
  // One result for each of: attacks on connections, on HTTP and TLS, five attacks on messages, attacks on streams, and the leftovers of all.
  expect(results.length).toBe(9);
  // The bench checks speed and the memory that the allocator keeps, because they depend on other programs. It also checks the log rate: in a phase of
  // one second, all lines are the first of their kind.
  const bench = /event loop delay|memory grew|stalled|probe p99|bytes of log/;
  expect(
    results
      .flatMap(({ name, problems }) => problems.map((text) => `${name}: ${text}`))
      .filter((text) => !bench.test(text)),
  ).toEqual([]);
  expect(last?.left).toEqual({ rtmp: 0, other: 0, timers: 0, ffmpeg: 0 });
  // Memory in use after a garbage collection.
  expect((last?.heap ?? Number.NaN) + (last?.buffers ?? Number.NaN)).toBeLessThan(64);
  expect(last?.live.player.parts).toBeGreaterThan(0);
});
