// Prints as JSON which files run while video arrives, and while one blocked reload waits and is answered. Runs in a separate process, because precise
// coverage counts every call of the whole process.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Session } from 'node:inspector/promises';

const [program, ffmpeg, directory] = process.argv.slice(2);
const { createGateway } = await import(`${program}/dist/index.js`);
const gateway = await createGateway({
  rtmpPort: 0,
  httpPort: 0,
  mediaDir: `${directory}/media`,
  stateDir: `${directory}/state`,
  ladder: ['source'],
  publishKey: 'none',
  thumbnails: 'off',
  logLevel: 'error',
});
const { rtmp, http } = await gateway.start();
const inspector = new Session();
inspector.connect();
await inspector.post('Profiler.enable');
await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });

/** The files of the gateway that ran since the last call, each with the number of calls of its most called function. */
async function filesThatRan() {
  const { result } = await inspector.post('Profiler.takePreciseCoverage');
  const files = {};
  for (const { url, functions } of result) {
    const [, path] = url.split('/dist/');
    // The top level of a module counts as a function without a name.
    const calls = functions.filter(({ functionName }) => functionName !== '').map(({ ranges }) => ranges[0].count);
    const most = Math.max(0, ...calls);
    if (path !== undefined && most > 0) files[path.replace(/\.js$/, '.ts')] = most;
  }
  return files;
}

const pattern = 'testsrc2=size=160x120:rate=25';
const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '50'];
const publisher = spawn(ffmpeg, [
  '-v',
  'error',
  '-re',
  '-f',
  'lavfi',
  '-i',
  pattern,
  ...encoder,
  '-f',
  'flv',
  `${rtmp}/a`,
]);
const playlist = `${http.replace(/\/$/, '')}/hls/live/a/source/index.m3u8`;
const read = async (query = '') => (await fetch(`${playlist}${query}`)).text();
/** The part after the next one, so that even a late request has to wait. */
const later = (text) => {
  const [, msn, part] = /URI="part-(\d+)\.(\d+)\.m4s"\s*$/m.exec(text.split('PRELOAD-HINT').at(-1)) ?? [];
  return `?_HLS_msn=${msn}&_HLS_part=${Number(part) + 1}`;
};

let text = await read();
while (!/#EXTINF[\s\S]*PRELOAD-HINT/.test(text)) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  text = await read();
}
text = await read(later(text));
await filesThatRan();
// About five parts without any request.
await new Promise((resolve) => setTimeout(resolve, 2_500));
const ingest = await filesThatRan();
text = await read();
await filesThatRan();
await read(later(text));
const reload = await filesThatRan();
publisher.kill('SIGKILL');
await once(publisher, 'exit');
await gateway.close();
process.stdout.write(JSON.stringify({ ingest, reload }));
