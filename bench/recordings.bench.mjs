// What many recordings cost: the start of a gateway, the list, and the gateway at rest. BENCH_RECORDINGS sets their number, BENCH_SEGMENTS the media
// files of each.
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSeconds, describeMachine, startGateway, summary, temporaryDirectory } from './measuring.mjs';

const COUNT = Number(process.env.BENCH_RECORDINGS ?? 100_000);
const SEGMENTS = Number(process.env.BENCH_SEGMENTS ?? 0);
const STREAMS = 20;
/** More than a minute, so that a round of retention falls into it. */
const REST = Number(process.env.BENCH_REST ?? 70);
const LISTS = 20;
/** File systems limit the hard links of a file; ext4 allows 65,000. */
const LINKS = 60_000;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function idOf(time, index) {
  let text = '';
  for (let rest = time; text.length < 10; rest = Math.floor(rest / 32)) text = ALPHABET[rest % 32] + text;
  return `${text}${String(index).padStart(16, '0')}`;
}

function makeRecordings(root) {
  const first = Date.now() - COUNT * 60_000;
  let media = '';
  let links = 0;
  for (let index = 0; index < COUNT; index += 1) {
    const start = first + index * 60_000;
    const id = idOf(start, index);
    const name = `cam${index % STREAMS}`;
    const directory = join(root, 'live', name, id);
    mkdirSync(join(directory, 'source'), { recursive: true });
    const facts = {
      ...{ version: 1, id, app: 'live', name, pinned: false, state: 'finished', start, end: start + 50_000 },
      ...{ duration: 50, bytes: 20_000_000, renditions: [{ name: 'source', video: true }], gaps: [] },
    };
    writeFileSync(join(directory, 'recording.json'), `${JSON.stringify(facts, undefined, 2)}\n`);
    for (let number = 0; number < SEGMENTS; number += 1) {
      const segment = join(directory, 'source', `segment${number}.m4s`);
      if (links % LINKS === 0) {
        writeFileSync(segment, 'media');
        media = segment;
      } else linkSync(media, segment);
      links += 1;
    }
  }
  return idOf(first, 0);
}

async function list(http, query = '') {
  const began = performance.now();
  const response = await fetch(`${http}/api/v1/recordings?limit=50${query}`);
  const page = await response.json();
  return { took: performance.now() - began, page };
}

const recordDir = join(temporaryDirectory(), 'recordings');
const oldest = makeRecordings(recordDir);
console.log(`${describeMachine()}; ${COUNT} recordings of ${STREAMS} streams, ${SEGMENTS} media files in each`);
const began = performance.now();
const gateway = await startGateway([
  ...['--record-dir', recordDir, '--keep-for', '36500d', '--keep-bytes', '1000TB', '--keep-count', '1000000'],
]);
const since = () => `${((performance.now() - began) / 1000).toFixed(2)} s`;
console.log(`serves after              ${since()}`);
console.log(
  `first page of the list    ${(await list(gateway.http)).page.recordings.length} recordings, after ${since()}`,
);
const found = await fetch(`${gateway.http}/api/v1/recordings/${oldest}`);
console.log(`the oldest one by its id  status ${found.status}, after ${since()}`);
const whileReading = [];
for (;;) {
  const { took, page } = await list(gateway.http);
  whileReading.push(took);
  if (page.count === COUNT) break;
  await sleep(20);
}
console.log(`all are listed after      ${since()}; lists until then, ms: ${summary(whileReading, 1)}`);
const times = [];
for (let index = 0; index < LISTS; index += 1) times.push((await list(gateway.http)).took);
console.log(`list, ms                  ${summary(times, 1)}`);
times.length = 0;
for (let index = 0; index < LISTS; index += 1) {
  times.push((await list(gateway.http, `&app=live&name=cam${index % STREAMS}`)).took);
}
console.log(`list of one stream, ms    ${summary(times, 1)}`);
const before = cpuSeconds(gateway.pid);
await sleep(REST * 1000);
const used = cpuSeconds(gateway.pid) - before;
console.log(`at rest                   ${((used / REST) * 100).toFixed(2)} % of a core, over ${REST} s`);
await gateway.stop();
