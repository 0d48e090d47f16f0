// FFmpeg publishes with a key, a user, a JWT, and what a webhook allows. If it is refused, it says why and ends: it neither hangs nor tries again.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/access/password-hash.js';
import { setUser } from '../../src/access/publishers/change-publishers.js';
import { startGateway, TEST_KEY, type TestGateway } from '../support/gateway.js';
import { forAllTests, whenOver } from '../support/lifetime.js';
import { absentPeer, DEBIAN_FFMPEG } from '../support/peers.js';
import { npmFfmpeg, runProgram, startProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const JWT_SECRET = 'a-secret-of-at-least-32-characters';
const REASON = 'Your plan has ended: pay first';
const DENIED = 'publishing was denied: check the application in the server URL';

/** A back end that knows one password, and gives a reason to all others. */
async function startBackEnd(): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { password, status } = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      const isAllowed = status === 'closing' || password === 'paid';
      response.end(JSON.stringify(isAllowed ? {} : { allow: false, reason: `${REASON}\n${'!'.repeat(200)}` }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  whenOver(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function jwt(seconds: number): Promise<string> {
  const claims = { iss: 'me', exp: Math.floor(Date.now() / 1000) + seconds, sluice: { publish: ['live/*'] } };
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(JWT_SECRET));
}

let gateway: TestGateway;
let recording: string;
beforeAll(
  forAllTests(async () => {
    const stateDir = await temporaryDirectory();
    await setUser(stateDir, 'anna', hashPassword('anna', 'her-password'), {});
    gateway = await startGateway(
      ...[
        '--ladder',
        'source',
        '--state-dir',
        stateDir,
        '--clock-skew',
        '0',
        '--publish-webhook',
        await startBackEnd(),
      ],
      ...['--jwt-secret', JWT_SECRET, '--jwt-issuer', 'me'],
    );
    recording = join(await temporaryDirectory(), 'recording.flv');
    await runProgram(npmFfmpeg(), [
      ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=10', '-t', '1', '-c:v', 'libx264'],
      ...['-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-f', 'flv', recording],
    ]);
  }),
);

interface Way {
  readonly name: string;
  /** In the URL, before the host. */
  readonly login?: string;
  /** Behind the application, before the name of the stream. */
  readonly query?: () => string | Promise<string>;
}

async function publish(ffmpeg: string, { login = '', query }: Way): Promise<{ code: number | null; text: string }> {
  const url = `${gateway.rtmp.replace('://', `://${login}`)}/cam`;
  const app = query === undefined ? [] : ['-rtmp_app', `live?${await query()}`];
  const run = startProgram(ffmpeg, [
    ...['-nostdin', '-v', 'error', '-i', recording, '-c', 'copy', '-f', 'flv', ...app, url],
  ]);
  const { code } = await run.exit;
  return { code, text: run.stderr() };
}

const RIGHT: readonly Way[] = [
  { name: 'the key', query: () => `key=${TEST_KEY}` },
  { name: 'a user', login: 'anna:her-password@' },
  { name: 'a JWT', query: async () => `user=jwt&pass=${await jwt(600)}` },
  { name: 'what a webhook allows', query: () => 'user=ben&pass=paid' },
];

const WRONG: readonly (Way & { readonly says: string })[] = [
  // The back end is asked about a key that the gateway does not know.
  { name: 'a wrong key', query: () => 'key=guess', says: REASON },
  { name: 'a JWT whose time is over', query: async () => `user=jwt&pass=${await jwt(-60)}`, says: DENIED },
  { name: 'what a webhook refuses', query: () => 'user=ben&pass=unpaid', says: REASON },
  { name: 'a wrong password of a user', login: 'anna:guess@', says: 'Incorrect username/password' },
];

describe.each([
  ['7.0', npmFfmpeg()],
  ['of Debian', DEBIAN_FFMPEG],
])('FFmpeg %s', (_, ffmpeg) => {
  const peer = it.skipIf(absentPeer(ffmpeg));

  peer.each(RIGHT)('publishes with $name', async (way) => {
    const before = gateway.logs.filter(({ msg }) => msg === 'publish started').length;
    expect(await publish(ffmpeg, way)).toMatchObject({ code: 0 });
    expect(gateway.logs.filter(({ msg }) => msg === 'publish started')).toHaveLength(before + 1);
  });

  peer.each(WRONG)('D1.06 is refused with $name, shows the reason, and ends', async (way) => {
    const { code, text } = await publish(ffmpeg, way);
    expect(code).not.toBe(0);
    expect(text).toContain(way.says);
    // At most 120 characters, none of them a line break.
    expect(text).not.toContain('!'.repeat(120));
  });
});
