// docs/ways.md lists the files that a picture and a reload pass. They are counted in a running gateway, so the lists stay correct.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { buildProgram } from '../support/built-program.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

/** A path may become shorter. Before it becomes longer, check whether one of its files can do the work of the new one. */
const LONGEST = { picture: 41, reload: 26 };

/** For each file: number of calls of its most-called function. */
type Calls = Readonly<Record<string, number>>;

const lists = [...readFileSync('docs/ways.md', 'utf8').matchAll(/^```\n(.*?)^```/gms)].map(([, text = '']) =>
  [...text.matchAll(/^ *([\w/-]+\.ts)/gm)].map(([, file = '']) => file),
);

it('a picture and a reload pass the files of docs/ways.md and no others', async () => {
  const [picture = [], reloaded = []] = lists;
  const program = await buildProgram();
  const { stdout } = await runProgram(process.execPath, [
    'test/support/ways.mjs',
    ...[program, npmFfmpeg(), await temporaryDirectory()],
  ]);
  const { ingest, reload } = JSON.parse(stdout.toString()) as { ingest: Calls; reload: Calls };
  // One picture may be in progress when the counting begins, and another when it ends.
  const pictures = (ingest['live/stream.ts'] ?? 0) - 2;
  expect(pictures).toBeGreaterThan(20);

  const forEachPicture = Object.keys(ingest).filter((file) => (ingest[file] ?? 0) >= pictures);
  expect(forEachPicture.filter((file) => !picture.includes(file))).toEqual([]);
  expect(picture.filter((file) => !(file in ingest))).toEqual([]);

  const forTheReload = Object.keys(reload).filter((file) => /^(servers\/http|hls\/origin)\//.test(file));
  expect(forTheReload.filter((file) => !reloaded.includes(file))).toEqual([]);
  expect(reloaded.filter((file) => !(file in reload))).toEqual([]);

  expect([picture, reloaded].map((list) => new Set(list).size)).toEqual([picture.length, reloaded.length]);
  expect([picture.length <= LONGEST.picture, reloaded.length <= LONGEST.reload]).toEqual([true, true]);
});
