// The admin listener of a real gateway: operators can end publishers and viewers, and port and TLS follow the configuration.

import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { request as requestOverTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { addToken } from '../../src/access/operators/operator-tokens.js';
import { tokenFile } from '../../src/access/operators/token-file.js';
import { createPlayToken } from '../../src/access/tickets/play-token.js';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import type { ProgramOptions } from '../../src/config/program-options.js';
import type { OperatorRole } from '../../src/contracts/operators.js';
import { createGateway } from '../../src/gateway.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { writeCertificate } from '../support/certificate.js';
import { startGateway } from '../support/gateway.js';
import { eventually, fetchText, parseMediaPlaylist, whenLive } from '../support/hls-client.js';
import { tryToPublish } from '../support/publish-attempt.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';

const SECRET = 'a-secret-of-the-back-end-0123456789abcdef';
const TOKEN_PLAY = ['--play-access', 'token', '--play-secrets', SECRET, '--ladder', 'source'];

let source: FlvSource;
beforeAll(async () => {
  source = await makeFlvSource({ seconds: 4, gop: 25 });
});

/** A gateway with an admin listener, and requests to it with the token of a role. */
async function managed(...flags: string[]) {
  const stateDir = await temporaryDirectory();
  const gateway = await startGateway('--state-dir', stateDir, '--admin-port', '0', '--metrics', 'admin', ...flags);
  const admin = gateway.admin ?? '';
  const as = async (role: OperatorRole) => {
    const { token } = await addToken(tokenFile(stateDir), { role, name: role }, Date.now());
    return async (method: string, path: string) => {
      const response = await fetch(`${admin}${path}`, { method, headers: { authorization: `Bearer ${token}` } });
      return { status: response.status, body: await response.text() };
    };
  };
  return { ...gateway, admin, stateDir, as };
}

describe('an operator', () => {
  it('D5.09 keeps a banned publisher out after a restart as well', async () => {
    const stateDir = await temporaryDirectory();
    const flags = ['--ladder', 'source', '--state-dir', stateDir];
    const first = await startGateway(...flags);
    const until = Date.now() + 600_000;
    first.gateway.grants.ban({ action: 'publish', address: '127.0.0.1', until, reason: 'wrong camera' });
    await first.close();
    const next = await startGateway(...flags);
    const [ban] = next.gateway.grants.listBans();
    expect(ban).toMatchObject({ address: '127.0.0.1', until, reason: 'wrong camera' });
    expect((await tryToPublish(next.rtmp, `cam?key=${next.key}`)).refusal?.code).toBe('NetStream.Publish.Denied');
    expect((await stat(join(stateDir, 'bans.json'))).mode & 0o077).toBe(0);
    next.gateway.grants.liftBan(ban?.id ?? '');
    await next.close();
    const last = await startGateway(...flags);
    expect((await tryToPublish(last.rtmp, `cam?key=${last.key}`)).refusal).toBeUndefined();
  });

  it('D5.09 does not start without the bans, because whoever is banned could get in', async () => {
    const stateDir = await temporaryDirectory();
    await writeFile(join(stateDir, 'bans.json'), '{"version":1,"bans":[{"id":"x"');
    await expect(startGateway('--state-dir', stateDir)).rejects.toMatchObject({ code: 'access.bans' });
  });

  it('D5.10 ends what a banned address waits for, and refuses it, although everybody else may watch', async () => {
    const gateway = await startGateway('--ladder', 'source', '--segment-duration', '5', '--resume-window', '60');
    const publisher = await publishLoop(gateway.publishUrl('cam'), source, { burst: 8 });
    const playlist = `${gateway.http}/hls/live/cam/source/index.m3u8`;
    await whenLive(`${gateway.http}/hls/live/cam`);
    const from = (address: string, query = '') =>
      fetch(`${playlist}${query}`, { headers: { 'x-forwarded-for': address } });
    const { mediaSequence, segments } = parseMediaPlaylist(await (await from('198.51.100.7')).text());
    // From now on nothing comes that could be the answer.
    await publisher.stop();
    const waiting = from('198.51.100.7', `?_HLS_msn=${mediaSequence + segments.length + 1}`);
    await eventually(async () =>
      (await fetchText(`${gateway.http}/metrics`)).includes('sluice_hls_waiting 1') ? true : undefined,
    );
    gateway.gateway.grants.ban({ address: '198.51.100.7', until: Date.now() + 600_000, reason: 'abuse' });
    expect((await waiting).status).toBe(403);
    expect((await from('198.51.100.7')).status).toBe(403);
    expect((await from('198.51.100.8')).status).toBe(200);
  });

  it('D5.09 ends a publisher, which cannot come back while it is banned, and can when the ban is lifted', async () => {
    const gateway = await managed('--ladder', 'source');
    const ask = await gateway.as('operator');
    const publisher = await publishLoop(gateway.publishUrl('cam'), source);
    await eventually(async () =>
      (await ask('GET', '/api/v1/sessions?action=publish')).body.includes('"cam"') ? true : undefined,
    );
    const ended = JSON.parse((await ask('DELETE', '/api/v1/streams/live/cam/publisher?ban=10m')).body);
    expect(ended).toMatchObject({ ended: 1, bannedUntil: expect.any(String) });
    await eventually(async () => (publisher.connected ? undefined : true));
    await expect(publishLoop(gateway.publishUrl('cam'), source)).rejects.toThrow();
    const { bans } = JSON.parse((await ask('GET', '/api/v1/bans')).body) as { bans: { id: string; address: string }[] };
    // All publishers use the one configured key, so the ban applies to the address.
    expect(bans).toMatchObject([{ action: 'publish', address: '127.0.0.1' }]);
    expect((await ask('DELETE', `/api/v1/bans/${bans[0]?.id}`)).status).toBe(200);
    const again = await publishLoop(gateway.publishUrl('cam'), source);
    expect(again.connected).toBe(true);
    expect((await ask('DELETE', '/api/v1/streams/live/nobody/publisher')).status).toBe(404);
  });

  it('D5.10 ends a viewer: its waiting request is refused at once, and its token is refused afterwards, even by another gateway', async () => {
    const gateway = await managed(...TOKEN_PLAY, '--segment-duration', '5', '--resume-window', '60');
    const ask = await gateway.as('operator');
    const publisher = await publishLoop(gateway.publishUrl('cam'), source, { burst: 8 });
    const keys = new SigningKeys([Buffer.from(SECRET)]);
    const until = Math.floor(Date.now() / 1000) + 600;
    const entryOf = (sid: string) =>
      `${gateway.http}/hls/live/cam/index.m3u8?token=${createPlayToken({ stream: 'live/cam', until, sid }, keys)}`;
    const ticketOf = async (sid: string) => {
      const text = await eventually(async () => {
        const answer = await fetch(entryOf(sid));
        return answer.ok ? answer.text() : undefined;
      });
      return `${gateway.http}/hls/${/(~[^/]+)\//.exec(text)?.[1]}/live/cam`;
    };
    const [kicked, other] = [await ticketOf('kicked'), await ticketOf('other')];
    const playlist = await (await fetch(`${kicked}/source/index.m3u8`)).text();
    const last = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]) + playlist.split('#EXTINF').length - 1;
    // Without new media, only the refusal can answer the waiting request.
    await publisher.stop();
    const leaving = new AbortController();
    onTestFinished(() => leaving.abort());
    const waiting = fetch(`${kicked}/source/index.m3u8?_HLS_msn=${last + 1}`);
    const stays = fetch(`${other}/source/index.m3u8?_HLS_msn=${last + 1}`, { signal: leaving.signal });
    stays.catch(() => undefined);
    const figure = async () => Number(/^sluice_hls_waiting (\d+)/m.exec((await ask('GET', '/metrics')).body)?.[1]);
    await eventually(async () => ((await figure()) >= 2 ? true : undefined));
    expect(JSON.parse((await ask('DELETE', '/api/v1/sessions/kicked')).body)).toMatchObject({ ended: 1 });
    const refused = await waiting;
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([403, 'access.play-denied']);
    expect(await figure()).toBe(1);
    expect((await fetch(`${kicked}/source/index.m3u8`)).status).toBe(403);
    expect((await fetch(entryOf('kicked'))).status).toBe(403);
    // Its further requests do not make it appear as a new session.
    expect((await ask('GET', '/api/v1/sessions?action=play')).body).not.toContain('"kicked"');
    expect(await readFile(join(gateway.stateDir, 'revoked-sessions.jsonl'), 'utf8')).toContain('"sid":"kicked"');
  });
});

describe('metrics', () => {
  it('C3.10 are only on the admin listener, and need a token', async () => {
    const gateway = await managed();
    expect((await fetch(`${gateway.http}/metrics`)).status).toBe(404);
    expect((await fetch(`${gateway.admin}/metrics`)).status).toBe(401);
    const { status, body } = await (await gateway.as('viewer'))('GET', '/metrics');
    expect(status).toBe(200);
    expect(body).toContain('sluice_admin_refused_total{code="admin.token-required"} 1');
  });

  it('are not served if they are off', async () => {
    const gateway = await managed('--metrics', 'off');
    expect((await (await gateway.as('viewer'))('GET', '/metrics')).status).toBe(404);
  });
});

describe('the port', () => {
  const quiet: ProgramOptions = {
    mediaDir: 'none',
    host: '127.0.0.1',
    rtmpPort: 0,
    httpPort: 0,
    publishKey: 'none',
    ladder: ['source'],
  };

  async function taken(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  it('that was configured and is in use makes the start fail, and the message names the option', async () => {
    const gateway = await createGateway({ ...quiet, stateDir: await temporaryDirectory(), adminPort: await taken() });
    await expect(gateway.start()).rejects.toMatchObject({
      code: 'http.listen',
      message: expect.stringMatching(/\(adminPort\): EADDRINUSE/),
    });
  });

  it('can be off', async () => {
    const gateway = await createGateway({ ...quiet, stateDir: await temporaryDirectory(), adminPort: 'none' });
    onTestFinished(() => gateway.close());
    expect((await gateway.start()).admin).toBeUndefined();
  });

  it('is not opened for a program with its own server', async () => {
    const gateway = await createGateway({ ...quiet, stateDir: await temporaryDirectory(), adminPort: 0 });
    onTestFinished(() => gateway.close());
    expect(await gateway.start({ http: false })).not.toHaveProperty('admin');
  });

  it('speaks TLS where other machines can reach it, and is refused there without a certificate', async () => {
    const open = { ...quiet, stateDir: await temporaryDirectory(), adminHost: '0.0.0.0', adminPort: 0 };
    await expect(createGateway(open)).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(/adminHost.*tlsCert/),
    });
    const { cert, key } = await writeCertificate(await temporaryDirectory());
    const gateway = await createGateway({ ...open, tlsCert: cert, tlsKey: key });
    onTestFinished(() => gateway.close());
    const { admin = '' } = await gateway.start();
    expect(admin).toMatch(/^https:/);
    const request = requestOverTls(`${admin}/api/v1/openapi.json`, { ca: await readFile(cert) });
    request.end();
    const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(200);
  });
});

describe('the file of tokens', () => {
  it('contains no token and is readable only by its owner; if it is broken, the old version applies and the log names the line', async () => {
    const gateway = await managed();
    const ask = await gateway.as('admin');
    const path = tokenFile(gateway.stateDir).path;
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const text = await readFile(path, 'utf8');
    expect(text).not.toContain('sla_');
    expect((await ask('GET', '/api/v1/streams')).status).toBe(200);
    await writeFile(path, text.replace('"role":"admin"', '"role":"root"'));
    expect((await ask('GET', '/api/v1/streams')).status).toBe(200);
    expect((await ask('GET', '/api/v1/tokens')).status).toBe(503);
    expect(gateway.logs.find(({ code }) => code === 'access.operator-tokens')?.err).toMatchObject({
      message: expect.stringContaining('token 1: role: expected one of viewer, operator, admin'),
    });
    await writeFile(path, '{ "tokens": [] }');
    expect((await ask('GET', '/api/v1/streams')).status).toBe(401);
  });
});
