// Rules for addresses in a whole gateway: every protocol checks them, and without rules there is no check.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startGateway } from '../support/gateway.js';
import { tryToPublish } from '../support/publish-attempt.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const PATHS = [
  'hls/live/cam/index.m3u8',
  'hls/live/cam/source/index.m3u8',
  'dash/live/cam/manifest.mpd',
  'dash/live/cam/time',
  'hls/live/cam/thumbnail.jpg',
];

async function start(rules: string) {
  const directory = await temporaryDirectory();
  const file = join(directory, 'sluice.yaml');
  await writeFile(file, rules);
  return startGateway('--config', file, '--ladder', 'source', '--state-dir', join(directory, 'state'));
}

it('D5.08 refuses to publish and to watch from the configured addresses, with the same answer as other refusals', async () => {
  const gateway = await start('publishDeny: [127.0.0.0/8]\nplayAllow: [192.0.2.0/24]\n');
  const { refusal } = await tryToPublish(gateway.rtmp, `cam?key=${gateway.key}`);
  expect(refusal).toMatchObject({
    code: 'NetStream.Publish.Denied',
    description: expect.stringContaining('publishing was denied'),
  });
  const statuses = await Promise.all(PATHS.map(async (path) => (await fetch(`${gateway.http}/${path}`)).status));
  expect(statuses).toEqual(PATHS.map(() => 403));
  // A proxy on this machine is trusted to name its client.
  const headers = { 'x-forwarded-for': '192.0.2.7' };
  const allowed = await Promise.all(
    PATHS.map(async (path) => (await fetch(`${gateway.http}/${path}`, { headers })).status),
  );
  expect(allowed).toEqual(PATHS.map(() => 404));
  const streams = (await (await fetch(`${gateway.http}/api/v1/streams`)).json()) as object;
  expect(JSON.stringify(streams)).not.toContain('protected');
  const causes = gateway.logs.map(({ cause }) => cause).filter((cause) => cause !== undefined);
  expect(new Set(causes)).toEqual(new Set(['access.address']));
});

it('D5.08 checks nothing if there are no rules', async () => {
  const gateway = await start('');
  expect((await tryToPublish(gateway.rtmp, `cam?key=${gateway.key}`)).refusal).toBeUndefined();
  expect((await fetch(`${gateway.http}/hls/live/nobody/index.m3u8`)).status).toBe(404);
});
