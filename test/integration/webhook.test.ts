// A webhook in a whole gateway: it gives streams their public name and their options, its reason reaches the encoder, and while it hangs for one
// publisher another is not delayed.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createPlayToken } from '../../src/access/tickets/play-token.js';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import { type LoopingPublisher, type PublishedSource, publishLoop } from '../faults/looping-publisher.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { buildGateway } from '../support/gateway-process.js';
import { eventually, whenLive } from '../support/hls-client.js';
import { type Attempt, tryToPublish } from '../support/publish-attempt.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';

interface BackEnd {
  readonly url: string;
  readonly asked: Readonly<Record<string, unknown>>[];
}

/** @param answer the body for a request with this password; undefined: the request gets no answer */
async function backEnd(answer: (password: string) => object | undefined): Promise<BackEnd> {
  const asked: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const question = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      asked.push(question);
      const body = answer(String(question['password']));
      if (body !== undefined) response.end(JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked };
}

/** A back end has 3 s. On a busy machine this one may need more; then the publisher is asked to try again, as an encoder would. */
function answered(rtmp: string, streamKey: string): Promise<Attempt> {
  return eventually(async () => {
    const attempt = await tryToPublish(rtmp, streamKey);
    return attempt.refusal?.code === 'NetStream.Failed' ? undefined : attempt;
  });
}

function published(url: string, source: PublishedSource): Promise<LoopingPublisher> {
  return eventually(() => publishLoop(url, source).catch(() => undefined));
}

async function withWebhook(url: string, ...flags: string[]): Promise<TestGateway> {
  const stateDir = await temporaryDirectory();
  return startGateway('--state-dir', stateDir, '--publish-webhook', url, ...flags);
}

it('D4.01 D4.05 sets the name of the stream, gives the reason of a refusal, and delays nobody else while it hangs', async () => {
  let hanging: (() => void) | undefined;
  const hangs = new Promise<void>((resolve) => {
    hanging = resolve;
  });
  const { url, asked } = await backEnd((password) => {
    if (password === 'slow') hanging?.();
    else return password === 'poor' ? { allow: false, reason: 'pay first' } : { name: 'public-name' };
    return undefined;
  });
  const gateway = await withWebhook(url, '--ladder', 'source');
  const slow = tryToPublish(gateway.rtmp, 'other?pass=slow');
  await hangs;
  expect((await answered(gateway.rtmp, 'secret-key?pass=right')).refusal).toBeUndefined();
  expect(gateway.gateway.grants.listGrants()).toMatchObject([{ name: 'public-name', holder: { proof: 'webhook' } }]);
  expect(gateway.gateway.streams()).toMatchObject([{ app: 'live', name: 'public-name' }]);
  const poor = await answered(gateway.rtmp, 'cam?pass=poor');
  expect(poor.refusal).toEqual({ code: 'NetStream.Publish.Denied', description: 'pay first' });
  expect((await slow).refusal?.code).toBe('NetStream.Failed');
  expect(JSON.stringify(gateway.logs)).not.toContain('secret-key');
  expect(asked.length).toBeGreaterThanOrEqual(3);
});

it('D4.05 gives one stream its ladder, its recording and its title, and leaves the others as they are', async () => {
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  const { url } = await backEnd((password) =>
    password === 'own' ? { ladder: ['audio'], record: true, title: 'Camera 1' } : {},
  );
  const gateway = await withWebhook(url, ...['--ladder', 'source', '--segment-duration', '1', '--resume-window', '30']);
  const recorded = (name: string) => gateway.gateway.recordings.list({ app: 'live', name, limit: 10 }).recordings;
  const own = await published(`${gateway.rtmp}/own?pass=own`, source);
  await published(`${gateway.rtmp}/other?pass=other`, source);
  await whenLive(`${gateway.http}/hls/live/own`);
  await whenLive(`${gateway.http}/hls/live/other`);
  const states = (await (await fetch(`${gateway.http}/api/v1/streams`)).json()) as { streams: object[] };
  expect(states.streams).toMatchObject([
    { name: 'own', title: 'Camera 1', renditions: [{ name: 'audio' }] },
    { name: 'other', renditions: [{ name: 'source' }, { name: 'audio' }] },
  ]);
  expect(states.streams[1]).not.toHaveProperty('title');
  expect(recorded('own')).toMatchObject([{ title: 'Camera 1' }]);
  expect(recorded('other')).toEqual([]);

  // Other renditions start another stream. Without the option `record`, nothing is recorded.
  await own.stop();
  await published(`${gateway.rtmp}/own?pass=other`, source);
  const renditions = () =>
    eventually(async () => {
      const state = gateway.gateway.streams().find(({ name }) => name === 'own');
      return state?.state === 'live' ? state.renditions.map(({ name }) => name) : undefined;
    });
  expect(await renditions()).toEqual(['source', 'audio']);
  expect(recorded('own')).toHaveLength(1);
});

it('D4.05 allows one publisher to take over a name, and refuses it to another', async () => {
  const { url } = await backEnd((password) => ({ publishConflict: password }));
  // However busy the machine is, the first publisher does not count as silent.
  const gateway = await withWebhook(url, '--ladder', 'source', '--takeover-after', '30');
  const first = await answered(gateway.rtmp, 'cam?pass=reject');
  expect((await answered(gateway.rtmp, 'cam?pass=reject')).refusal?.code).toBe('NetStream.Publish.BadName');
  const taken = first.encoder.event('rejected');
  expect((await answered(gateway.rtmp, 'cam?pass=override')).refusal).toBeUndefined();
  expect((await taken).description).toContain('took over');
});

const BAD_OPTIONS: readonly (readonly [answer: object, description: string])[] = [
  [{ ladder: ['4320p'] }, 'the webhook gave a ladder with 4320p, which is not one of source'],
  [{ ladder: [] }, 'the webhook gave a ladder that is not a list of different renditions'],
  [{ record: 'yes' }, 'the webhook gave a record that is neither true nor false'],
  [{ maxViewers: 0 }, 'the webhook gave a maxViewers that is not a number from 1 on'],
  [{ title: 7 }, 'the webhook gave a title that is not a text'],
  [{ publishConflict: 'both' }, 'the webhook gave a publishConflict that is neither reject nor override'],
];

it('D4.05 refuses a publisher with an option that cannot be applied, and says which', async () => {
  const { url } = await backEnd((password) => BAD_OPTIONS[Number(password)]?.[0]);
  const gateway = await withWebhook(url, '--ladder', 'source');
  for (const [index, [, description]] of BAD_OPTIONS.entries()) {
    const { refusal } = await answered(gateway.rtmp, `cam?pass=${index}`);
    expect(refusal).toEqual({ code: 'NetStream.Publish.Denied', description });
  }
});

it('D4.05 D5.11 limits the viewers of one stream at the entry, and disturbs nobody who is watching', async () => {
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  const { url } = await backEnd((password) => (password === 'small' ? { maxViewers: 1 } : {}));
  const secret = 'a-secret-of-the-back-end-0123456789abcdef';
  const gateway = await withWebhook(
    url,
    ...['--ladder', 'source', '--segment-duration', '1', '--play-access', 'token', '--play-secrets', secret],
  );
  await published(`${gateway.rtmp}/small?pass=small`, source);
  await published(`${gateway.rtmp}/large?pass=large`, source);
  const enter = async (name: string, sid: string): Promise<Response> => {
    const until = Math.floor(Date.now() / 1000) + 3600;
    const token = createPlayToken({ stream: 'live/*', until, sid }, new SigningKeys([Buffer.from(secret)]));
    return eventually(async () => {
      const answer = await fetch(`${gateway.http}/hls/live/${name}/index.m3u8?token=${token}`);
      return answer.status === 404 ? undefined : answer;
    });
  };
  const first = await (await enter('small', 'anna')).text();
  const refused = await enter('small', 'ben');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ code: 'access.too-many-viewers' });
  expect((await enter('small', 'anna')).status).toBe(200);
  const ticket = /~[^/]+/.exec(first)?.[0];
  expect((await fetch(`${gateway.http}/hls/${ticket}/live/small/source/index.m3u8`)).status).toBe(200);
  for (const sid of ['anna', 'ben']) expect((await enter('large', sid)).status).toBe(200);
});

it('D4.06 is notified once of the end of each publish, even after a kill', async () => {
  const { url, asked } = await backEnd(() => ({}));
  const program = await buildGateway('--ladder', 'source', '--publish-webhook', url);
  const killed = await program.start();
  const closings = () => asked.filter(({ status }) => status === 'closing');
  const leaving = await answered(killed.rtmp, 'leaves?pass=secret-of-anna&user=anna');
  leaving.encoder.socket.destroy();
  const [left] = await eventually(async () => (closings().length === 1 ? closings() : undefined));
  expect(left).toMatchObject({ name: 'leaves', user: 'anna', password: '', query: '' });
  expect(left?.['duration']).toBeGreaterThan(0);
  await answered(killed.rtmp, 'stays?pass=secret-of-anna&user=anna');
  await killed.kill();
  expect(closings()).toHaveLength(1);

  const next = await program.start();
  const [, stayed] = await eventually(async () => (closings().length === 2 ? closings() : undefined));
  expect(stayed).toMatchObject({ name: 'stays', reason: 'gateway.killed' });
  const opened = asked.filter(({ status }) => status === 'opening').map(({ grantId }) => grantId);
  for (const { opening } of closings()) expect(opened).toContain(opening);

  // A stopped gateway notifies the back end before it ends or, if that is slow, after the next start.
  await answered(next.rtmp, 'again');
  next.child.kill('SIGTERM');
  await next.exit;
  await program.start();
  await eventually(async () => (closings().length > 2 ? true : undefined));
  expect(closings()[2]).toMatchObject({ name: 'again' });
});
