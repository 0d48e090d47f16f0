// JWTs in a whole gateway: a JWT in the stream key allows publishing until it expires, and a viewer's JWT is exchanged for a ticket.
import { SignJWT } from 'jose';
import { expect, it } from 'vitest';
import { startGateway } from '../support/gateway.js';
import { type Attempt, tryToPublish } from '../support/publish-attempt.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const SECRET = 'a-secret-of-at-least-32-characters';

it('D3.08 D5.11 a JWT allows publishing until it expires, and gives a viewer a ticket, to as many of one account as it says', async () => {
  const gateway = await startGateway(
    ...['--ladder', 'source', '--jwt-secret', SECRET, '--jwt-issuer', 'me', '--play-access', 'token'],
    ...['--clock-skew', '0', '--state-dir', await temporaryDirectory()],
  );
  const sign = (seconds: number, streams: object) =>
    new SignJWT({ iss: 'me', sub: 'anna', exp: Math.floor(Date.now() / 1000) + seconds, sluice: streams })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(SECRET));
  const viewer = await sign(600, { play: ['live/cam'] });
  expect((await tryToPublish(gateway.rtmp, `cam?token=${viewer}`)).refusal?.code).toBe('NetStream.Publish.Denied');
  const encoder = await sign(600, { publish: ['live/cam'] });
  const { refusal } = await tryToPublish(gateway.rtmp, `cam?token=${encoder}`);
  expect(refusal).toBeUndefined();
  expect(gateway.gateway.grants.listGrants()).toMatchObject([{ name: 'cam', holder: { proof: 'jwt', id: 'anna' } }]);

  // Without media nothing is playable, but the status shows who may watch: 404 for viewers, 401 and 403 for others.
  const entry = `${gateway.http}/hls/live/cam/index.m3u8`;
  const status = async (url: string, headers = {}) => (await fetch(url, { headers })).status;
  const refused = await Promise.all([
    status(entry),
    status(`${entry}?token=${encoder}`),
    status(`${entry}?token=${viewer}x`),
  ]);
  expect(refused).toEqual([401, 403, 403]);
  const thumbnail = `${gateway.http}/hls/live/cam/thumbnail.jpg`;
  expect(await status(thumbnail, { authorization: `Bearer ${viewer}` })).toBe(404);
  expect(await status(`${thumbnail}?jwt=${viewer}`)).toBe(404);

  // Anna is watching already, with her first token.
  const alsoAnna = new SignJWT({
    ...{ iss: 'me', sub: 'anna', jti: 'second', exp: Math.floor(Date.now() / 1000) + 600 },
    ...{ sluice: { play: ['live/cam'] }, max_viewers: 1 },
  });
  const second = await alsoAnna.setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(SECRET));
  expect([await status(`${thumbnail}?token=${second}`), await status(`${thumbnail}?token=${viewer}`)]).toEqual([
    429, 404,
  ]);

  // Tried again with more time until the machine is fast enough.
  const endingAfter = async (seconds: number): Promise<Attempt> => {
    const attempt = await tryToPublish(gateway.rtmp, `brief?jwt=${await sign(seconds, { publish: ['live/*'] })}`);
    return attempt.refusal === undefined ? attempt : endingAfter(2 * seconds);
  };
  const brief = await endingAfter(3);
  expect(await brief.encoder.event('rejected')).toMatchObject({ description: 'this permission has expired' });
  for (const token of [viewer, encoder]) expect(JSON.stringify(gateway.logs)).not.toContain(token.split('.')[2]);
});
