// A back end that decides who may publish and watch: its requests, the meaning of its answers, and the effects when it fails.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClosingCalls } from '../../src/access/webhook/closing-calls.js';
import { WebhookClient } from '../../src/access/webhook/webhook-client.js';
import { type OnWebhookError, WebhookProof } from '../../src/access/webhook/webhook-proof.js';
import type { GrantAction } from '../../src/contracts/grant.js';

const SECRETS = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_AAAQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];

interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

async function setUp(onError: OnWebhookError = 'deny', action: GrantAction = 'publish') {
  const asked: Asked[] = [];
  const answer = { status: 200, body: '', headers: {}, hangs: false };
  const statuses: number[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push({ headers: request.headers, text: Buffer.concat(chunks).toString() });
      if (answer.hangs) return;
      response.writeHead(statuses.shift() ?? answer.status, answer.headers).end(answer.body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  let now = 1_800_000_000_000;
  const wallClock = (): number => now;
  const secrets = SECRETS.map((secret) => Buffer.from(secret.slice(6), 'base64'));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const client = new WebhookClient({ url, secrets, wallClock: Date.now, timeout: 500 });
  onTestFinished(() => client.close());
  const lines: string[] = [];
  const write = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const logger = { debug: write, info: write, warn: write, error: write };
  const calls: { readonly what: string; readonly id: string; readonly body: string }[] = [];
  const closings: ClosingCalls = {
    promise: async ({ id, body }) => void calls.push({ what: 'promised', id, body }),
    push: ({ id, body }) => void calls.push({ what: 'pushed', id, body }),
    withdraw: (id) => void calls.push({ what: 'withdrawn', id, body: '' }),
  };
  const proof = new WebhookProof({
    action,
    client,
    onError,
    logger,
    wallClock,
    bounds: { ladder: ['source'] },
    closings,
  });
  const ask = (query = 'user=anna&pass=her%20password') =>
    proof.prove(
      {
        ...({ protocol: 'rtmp', app: 'live', name: 'cam', remoteAddress: '192.0.2.1', agent: 'OBS' } as const),
        ...{ action, query: new URLSearchParams(query) },
      },
      'grant-1',
    );
  const verdict = async (query?: string) => {
    const result = await ask(query);
    return result === undefined ? 'not asked' : result.ok ? 'yes' : `${result.error.code}: ${result.error.message}`;
  };
  return {
    ...{ asked, answer, statuses, ask, verdict, lines, server, calls },
    advance: (by: number) => {
      now += by;
    },
  };
}

describe('a webhook', () => {
  it('D4.07 gets the fields of MediaMTX and more, signed with both secrets', async () => {
    const { asked, ask } = await setUp();
    expect(await ask()).toMatchObject({ ok: true, covers: true, holder: { proof: 'webhook', id: 'anna' } });
    const [{ headers, text } = { headers: {}, text: '' }] = asked;
    for (const secret of SECRETS) {
      expect(new Webhook(secret).verify(text, headers as Record<string, string>)).toMatchObject({
        ...{ user: 'anna', password: 'her password', token: '', ip: '192.0.2.1', action: 'publish', path: 'live/cam' },
        ...{
          protocol: 'rtmp',
          id: null,
          userAgent: 'OBS',
          app: 'live',
          name: 'cam',
          grantId: 'grant-1',
          status: 'opening',
        },
      });
    }
    expect(() =>
      new Webhook('whsec_BBBQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw').verify(text, headers as Record<string, string>),
    ).toThrow();
  });

  it('D4.05 allows or refuses by its status, or in JSON with options', async () => {
    const { answer, ask, verdict, lines } = await setUp();
    Object.assign(answer, { status: 401 });
    expect(await verdict('pass=1')).toBe('access.publish-denied: the operator does not allow it');
    Object.assign(answer, { status: 200, body: JSON.stringify({ allow: false, reason: `pay\n${'x'.repeat(200)}` }) });
    expect(await verdict('pass=2')).toBe(`access.publish-denied: pay ${'x'.repeat(116)}`);
    Object.assign(answer, { body: JSON.stringify({ name: 'public', title: 'Camera', lifetime: 60, colour: 'red' }) });
    expect(await ask('pass=3')).toMatchObject({
      name: 'public',
      options: { title: 'Camera' },
      until: 1_800_000_060_000,
    });
    expect(lines.join()).toContain('colour');
    for (const bad of [{ name: '../x' }, { name: 7 }, { lifetime: -1 }, { lifetime: 'long' }]) {
      Object.assign(answer, { body: JSON.stringify(bad) });
      expect(await verdict(`pass=${JSON.stringify(bad)}`)).toContain('access.publish-denied: the webhook gave a');
    }
  });

  it('D4.04 gets one request for the same credentials at the same time, and another one when the verdict is old', async () => {
    const { asked, answer, verdict, advance } = await setUp();
    expect(new Set(await Promise.all(Array.from({ length: 100 }, () => verdict())))).toEqual(new Set(['yes']));
    advance(29_000);
    await verdict();
    expect(asked).toHaveLength(1);
    Object.assign(answer, { status: 403 });
    advance(1_000);
    expect(await verdict()).toContain('access.publish-denied');
    await verdict();
    expect(asked).toHaveLength(2);
    advance(5_000);
    await verdict();
    expect(asked).toHaveLength(3);
    expect(await verdict('token=v1.abcd.x.y')).toBe('not asked');
  });

  it('D4.02 gets a second request with the same id after 502, 503 or 504, but not after another failure or a redirect', async () => {
    const { asked, answer, statuses, verdict } = await setUp();
    statuses.push(503);
    expect(await verdict()).toBe('yes');
    expect(new Set(asked.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(asked).toHaveLength(2);
    for (const [status, headers] of [
      [500, {}],
      [302, { location: '/elsewhere' }],
    ] as const) {
      Object.assign(answer, { status, headers });
      expect(await verdict(`pass=${status}`)).toContain('access.webhook');
    }
    Object.assign(answer, { status: 200, headers: {}, body: 'x'.repeat(70_000) });
    expect(await verdict('pass=long')).toContain('access.webhook');
    expect(asked).toHaveLength(5);
  });

  it.each<[OnWebhookError, string, string]>([
    ['deny', 'access.webhook', 'access.webhook'],
    ['allow', 'yes', 'yes'],
    ['cached', 'yes', 'access.webhook'],
  ])('D4.03 that hangs counts as configured: %s', async (onError, known, unknown) => {
    const { answer, verdict, advance, lines } = await setUp(onError);
    expect(await verdict()).toBe('yes');
    answer.hangs = true;
    advance(60_000);
    expect(await verdict()).toContain(known);
    expect(await verdict('pass=new')).toContain(unknown);
    expect(lines.join()).not.toContain('her password');
  });

  it('D4.06 gets one call about the end of a grant, without the credentials, also if the gateway is killed before', async () => {
    const { ask, calls, advance } = await setUp();
    const [first, second] = [await ask(), await ask()];
    if (first?.ok !== true || second?.ok !== true) throw new Error('refused');
    const ifKilled = JSON.parse(calls[0]?.body ?? '') as object;
    expect(ifKilled).toMatchObject({ status: 'closing', grantId: 'grant-1', reason: 'gateway.killed', user: 'anna' });
    expect(ifKilled).not.toHaveProperty('duration');
    advance(7_500);
    first.onClosed?.('grant-1', { bytes: 7 });
    second.onClosed?.('grant-1', { isUnused: true });
    expect(calls.map(({ what, id }) => `${what} ${id}`)).toEqual([
      ...['promised msg_grant-1', 'promised msg_grant-1', 'pushed msg_grant-1', 'withdrawn msg_grant-1'],
    ]);
    expect(JSON.parse(calls[2]?.body ?? '')).toMatchObject({
      ...{ status: 'closing', grantId: 'grant-1', opening: 'grant-1', bytes: 7, duration: 7.5 },
    });
    expect(JSON.stringify(calls)).not.toContain('her');
  });
});
