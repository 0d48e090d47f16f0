// Who may publish and watch, as one table: each way of proving something, by each protocol, with a proof that is right, wrong, expired, revoked
// or for another stream. All of it over real sockets of one gateway.
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { addKey, revokeKey } from '../../src/access/publishers/change-publishers.js';
import { createPlayToken } from '../../src/access/tickets/play-token.js';
import { revokeSession } from '../../src/access/tickets/revoke-session.js';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { CommandPeer, Encoder } from '../servers/rtmp/server-under-test.js';
import { writeCertificate } from '../support/certificate.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { eventually } from '../support/hls-client.js';
import { forAllTests } from '../support/lifetime.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';

const PLAY_SECRET = 'a-secret-of-the-back-end-0123456789abcdef';
const JWT_SECRET = 'a-secret-of-at-least-32-characters';
const PROOFS = ['right', 'wrong', 'expired', 'revoked', 'for another stream'] as const;
type Proof = (typeof PROOFS)[number];

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

let gateway: TestGateway;
/** By stream. */
const recordings = new Map<string, string>();
/** Two streams, because wrong proofs are counted by stream. */
const STREAMS = { token: 'cam', 'viewer JWT': 'two' } as const;
/** Secrets by method and proof, as they stand in a query. */
const queries: Record<'key' | 'JWT' | 'token' | 'viewer JWT', Partial<Record<Proof, string>>> = {
  ...{ key: {}, JWT: {}, token: {}, 'viewer JWT': {} },
};

async function jwt(claims: object, secret = JWT_SECRET): Promise<string> {
  const signed = new SignJWT({ iss: 'me', exp: inSeconds(600), ...claims }).setProtectedHeader({ alg: 'HS256' });
  return signed.sign(new TextEncoder().encode(secret));
}

function token(claims: object, secret = PLAY_SECRET): string {
  const keys = new SigningKeys([Buffer.from(secret)]);
  return createPlayToken({ stream: 'live/cam', until: inSeconds(600), ...claims }, keys);
}

beforeAll(
  forAllTests(async () => {
    const stateDir = await temporaryDirectory();
    const { cert, key } = await writeCertificate(await temporaryDirectory());
    const now = Date.now();
    const [right, expired, revoked, other] = [
      await addKey(stateDir, {}, undefined),
      await addKey(stateDir, {}, now - 1000),
      await addKey(stateDir, {}, undefined),
      await addKey(stateDir, { names: ['other'] }, undefined),
    ];
    await revokeKey(stateDir, revoked.id);
    Object.assign(queries.key, {
      ...{ right: `key=${right.secret}`, wrong: 'key=guess', expired: `key=${expired.secret}` },
      ...{ revoked: `key=${revoked.secret}`, 'for another stream': `key=${other.secret}` },
    });
    const publish = ['live/*'];
    Object.assign(queries.JWT, {
      right: `token=${await jwt({ sluice: { publish } })}`,
      wrong: `token=${await jwt({ sluice: { publish } }, 'another-secret-of-32-characters-and-more')}`,
      expired: `token=${await jwt({ sluice: { publish }, exp: inSeconds(-60) })}`,
      'for another stream': `token=${await jwt({ sluice: { publish: ['live/other'] } })}`,
    });
    const ended = { sid: 'ended', until: inSeconds(600) };
    const endedJwt = { sid: 'ended-jwt', until: inSeconds(600) };
    for (const session of [ended, endedJwt]) await revokeSession(stateDir, session, now);
    Object.assign(queries.token, {
      right: `token=${token({})}`,
      wrong: `token=${token({}, 'another-secret-of-32-characters-and-more')}`,
      expired: `token=${token({ until: inSeconds(-60) })}`,
      revoked: `token=${token(ended)}`,
      'for another stream': `token=${token({ stream: 'live/other' })}`,
    });
    const play = ['live/two'];
    Object.assign(queries['viewer JWT'], {
      right: `token=${await jwt({ sluice: { play } })}`,
      wrong: `token=${await jwt({ sluice: { play } }, 'another-secret-of-32-characters-and-more')}`,
      expired: `token=${await jwt({ sluice: { play }, exp: inSeconds(-60) })}`,
      revoked: `token=${await jwt({ sluice: { play }, sid: endedJwt.sid })}`,
      'for another stream': `token=${await jwt({ sluice: { play: ['live/other'] } })}`,
    });
    gateway = await startGateway(
      ...['--ladder', 'source', '--segment-duration', '1', '--state-dir', stateDir, '--record', 'all'],
      ...['--record-dir', await temporaryDirectory(), '--keep-free', '0'],
      ...['--rtmps-port', '0', '--tls-cert', cert, '--tls-key', key, '--clock-skew', '0'],
      ...['--jwt-secret', JWT_SECRET, '--jwt-issuer', 'me', '--play-access', 'token', '--play-secrets', PLAY_SECRET],
    );
    const source = await makeFlvSource({ seconds: 4, gop: 25 });
    for (const name of Object.values(STREAMS)) await publishLoop(gateway.publishUrl(name), source);
    for (const name of Object.values(STREAMS)) {
      const made = await eventually(async () =>
        gateway.gateway.recordings.list({ name, limit: 1 }).recordings.find(({ duration }) => duration > 0),
      );
      recordings.set(name, made.id);
    }
  }),
);

/** What an encoder hears. */
async function publish(protocol: 'RTMP' | 'RTMPS', query: string): Promise<string> {
  const port = Number(new URL((protocol === 'RTMPS' ? gateway.rtmps : gateway.rtmp) ?? '').port);
  const encoder = new Encoder(port, `new-${Math.random().toString(36).slice(2)}?${query}`, {
    tls: protocol === 'RTMPS',
  });
  const answer = await encoder.event('publishing', 'rejected');
  encoder.socket.destroy();
  return answer.type === 'publishing' ? 'accepted' : `${answer.code}: ${answer.description}`;
}

const PATHS = {
  HLS: (name: string) => `hls/live/${name}/index.m3u8`,
  DASH: (name: string) => `dash/live/${name}/manifest.mpd`,
  thumbnail: (name: string) => `hls/live/${name}/thumbnail.jpg`,
  recording: (name: string) => `vod/${recordings.get(name)}/index.m3u8`,
} as const;

async function watch(protocol: keyof typeof PATHS | 'RTMP', name: string, query: string): Promise<string> {
  if (protocol !== 'RTMP') {
    const answer = await fetch(`${gateway.http}/${PATHS[protocol](name)}?${query}`);
    await answer.arrayBuffer();
    return String(answer.status);
  }
  const player = await CommandPeer.open(Number(new URL(gateway.rtmp).port));
  player.play(`${name}?${query}`);
  await player.until(() => player.codes.some((code) => String(code).startsWith('NetStream.Play')));
  player.socket.destroy();
  return player.codes.includes('NetStream.Play.Start') || player.codes.includes('NetStream.Play.Reset')
    ? 'accepted'
    : 'refused';
}

/** All cells of the table but one kind: a JWT with which somebody publishes has no session that could be revoked. It ends soon by itself. */
const cells = <Method extends string, Protocol extends string>(
  methods: readonly Method[],
  protocols: readonly Protocol[],
): [Method, Protocol, Proof][] =>
  methods.flatMap((method) =>
    protocols.flatMap((protocol) =>
      PROOFS.filter((proof) => method !== 'JWT' || proof !== 'revoked').map((proof): [Method, Protocol, Proof] => [
        ...([method, protocol, proof] as const),
      ]),
    ),
  );

function queryOf(method: keyof typeof queries, proof: Proof): string {
  const query = queries[method][proof];
  if (query === undefined) throw new Error(`the table has no ${method} that is ${proof}`);
  return query;
}

describe('D1.01 D1.03 the same policy for all protocols', () => {
  it.each(cells(['key', 'JWT'], ['RTMP', 'RTMPS']))('publish with a %s by %s: %s', async (method, protocol, proof) => {
    const heard = await publish(protocol, queryOf(method, proof));
    // One text, whatever the cause was.
    if (proof === 'right') expect(heard).toBe('accepted');
    else expect(heard).toMatch(/^NetStream.Publish.Denied: publishing was denied: check the application/);
  });

  it.each(cells(['token', 'viewer JWT'], ['HLS', 'DASH', 'RTMP', 'thumbnail', 'recording']))(
    'watch with a %s by %s: %s',
    async (method, protocol, proof) => {
      const heard = await watch(protocol, STREAMS[method], queryOf(method, proof));
      if (proof === 'right') expect(heard).toMatch(protocol === 'RTMP' ? /^accepted$/ : /^200$/);
      else expect(heard).toMatch(protocol === 'RTMP' ? /^refused$/ : /^403$/);
    },
  );

  it('D1.03 says the true cause in the log alone', () => {
    const codes = new Set(gateway.logs.flatMap(({ cause, code }) => [String(cause), String(code)]));
    for (const code of ['access.scope', 'access.jwt']) expect(codes).toContain(code);
    const log = JSON.stringify(gateway.logs);
    for (const secrets of Object.values(queries)) {
      for (const query of Object.values(secrets)) expect(log).not.toContain(query.replace(/^\w+=/, ''));
    }
  });

  it.each(Object.keys(PATHS) as (keyof typeof PATHS)[])(
    'D1.04 %s answers 401 without a proof and 403 with one whose time is over, in JSON, without Basic, for every origin',
    async (protocol) => {
      const url = `${gateway.http}/${PATHS[protocol]('cam')}`;
      const [none, late] = [await fetch(url), await fetch(`${url}?${queries.token['expired']}`)];
      expect([none.status, none.headers.get('www-authenticate'), late.status]).toEqual([401, 'Bearer', 403]);
      for (const answer of [none, late]) {
        expect(answer.headers.get('cache-control')).toBe('no-store');
        expect(answer.headers.get('access-control-allow-origin')).toBe('*');
        expect(await answer.json()).toEqual({ code: expect.any(String), message: expect.any(String) });
      }
    },
  );

  it('D5.12 counts no token whose time is over as a guess, because its page asks for a new one', async () => {
    for (let i = 0; i < 25; i++) {
      const answer = await fetch(`${gateway.http}/${PATHS.HLS('cam')}?${queries.token.expired}`);
      expect(await answer.json()).toMatchObject({ code: 'access.play-expired' });
    }
  });

  it('D5.12 answers 429 to further wrong tokens for a stream, and not to a right one', async () => {
    const entry = (query: string | undefined) => fetch(`${gateway.http}/${PATHS.HLS('two')}?${query}`);
    const refused = await eventually(async () => {
      const answer = await entry(queries['viewer JWT'].wrong);
      return answer.status === 429 ? answer : undefined;
    });
    expect(refused.headers.get('retry-after')).toBe('900');
    expect(await refused.json()).toMatchObject({ code: 'access.too-many-attempts' });
    expect((await entry(queries['viewer JWT'].right)).status).toBe(200);
    expect((await entry('')).status).toBe(401);
  });

  it('D2.08 ends an RTMP player and a publisher within a second after the end of their time', async () => {
    const exp = inSeconds(3);
    const claims = { exp, sluice: { publish: ['live/*'], play: ['live/*'] } };
    const brief = await jwt(claims);
    const port = Number(new URL(gateway.rtmp).port);
    const encoder = new Encoder(port, `brief?token=${brief}`);
    await encoder.event('publishing');
    const player = await CommandPeer.open(port);
    player.play(`cam?token=${brief}`);
    await player.until(() => player.media.length > 0);
    const isOpen = (): boolean => gateway.gateway.grants.listGrants().some(({ until }) => until === exp * 1000);
    expect(isOpen()).toBe(true);
    await Promise.all([encoder.event('rejected'), player.closed]);
    expect(isOpen()).toBe(false);
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000);
  });
});
