// Starting and stopping the gateway: what is printed, what stays secret, and one line for each reason why it cannot start.
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { hashPassword } from '../../src/access/password-hash.js';
import { Encoder } from '../servers/rtmp/server-under-test.js';
import { writeCertificate } from '../support/certificate.js';
import { npmFfmpeg } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { runCommand } from './command-under-test.js';

const FREE_PORTS = ['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0'];
const env = { FFMPEG_PATH: npmFfmpeg() };

describe('serve', () => {
  it('starts, logs once that it is ready, prints the key outside the log only, and ends cleanly', async () => {
    const run = await runCommand([...FREE_PORTS, '--log-level', 'trace'], { env });
    const { rtmp, http } = await run.ready();
    expect(rtmp).toMatch(/^rtmp:\/\/127\.0\.0\.1:\d+\/live$/);
    expect(http).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${http}/healthz`)).status).toBe(200);

    const keyFile = join(run.cwd, '.sluice', 'publish-key');
    const key = readFileSync(keyFile, 'utf8').trim();
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    await expect.poll(() => run.stderr()).toContain(`Server:     ${rtmp}\n`);
    expect(run.stderr()).toContain(`Stream Key: NAME?key=${key}\n`);
    expect(run.stderr()).toContain(`${http}/watch/live/NAME`);
    expect(run.stdout()).not.toContain(key);
    expect(existsSync(join(run.cwd, 'media'))).toBe(true);

    const port = Number(new URL(rtmp).port);
    expect(await new Encoder(port, 'show?key=wrong').event('rejected')).toMatchObject({
      code: 'NetStream.Publish.Denied',
      description: expect.stringContaining('NAME?key=SECRET'),
    });
    // A key that was pasted in place of the name must not appear in the log.
    await new Encoder(port, key).event('rejected');
    await new Encoder(port, `show?key=${key}`).event('publishing');

    run.signal('SIGTERM');
    expect(await run.status).toBe(0);
    expect(run.records().filter(({ msg }) => msg === 'ready')).toHaveLength(1);
    expect(run.records().at(-1)?.msg).toBe('stopped');
    expect(run.stdout()).not.toContain(key);
    await expect(fetch(`${http}/healthz`)).rejects.toThrow();
  });

  it('never shows a configured key, and writes no key file', async () => {
    const secret = 'configured-key-never-seen';
    const run = await runCommand(['serve', ...FREE_PORTS, '--log-level', 'trace'], {
      env: { ...env, SLUICE_PUBLISH_KEY: secret },
    });
    const { rtmp } = await run.ready();
    await new Encoder(Number(new URL(rtmp).port), `show?key=${secret}`).event('publishing');
    await expect.poll(() => run.stderr()).toContain('NAME?key=SECRET');
    run.signal('SIGINT');
    expect(await run.status).toBe(0);
    expect(run.stdout() + run.stderr()).not.toContain(secret);
    expect(existsSync(join(run.cwd, '.sluice'))).toBe(false);
  });

  it('opens publishing with --publish-key none, and links to the public address', async () => {
    const argv = [...FREE_PORTS, '--publish-key', 'none', '--public-url', 'https://tv.example.com/'];
    const run = await runCommand(argv, { env });
    const { rtmp } = await run.ready();
    await new Encoder(Number(new URL(rtmp).port), 'show').event('publishing');
    await expect.poll(() => run.stderr()).toContain('publishing is open to everyone');
    expect(run.stderr()).toContain('https://tv.example.com/watch/live/NAME');
    run.signal('SIGINT');
    expect(await run.status).toBe(0);
  });

  it('says where RTMPS is and how users publish, and keeps their password hashes out of the log', async () => {
    const cwd = await temporaryDirectory();
    const { cert, key } = await writeCertificate(cwd);
    const hash = hashPassword('anna', 'secret');
    writeFileSync(join(cwd, 'sluice.yaml'), `users: [{name: anna, hash: "${hash}"}]\n`);
    const argv = [...FREE_PORTS, '--config', 'sluice.yaml', '--rtmps-port', '0', '--tls-cert', cert, '--tls-key', key];
    const run = await runCommand([...argv, '--log-level', 'trace'], { env, cwd });
    const { rtmp } = await run.ready();
    const rtmps = String(run.records().find(({ msg }) => msg === 'ready')?.rtmps);
    expect(rtmps).toMatch(/^rtmps:\/\/127\.0\.0\.1:\d+\/live$/);
    await expect.poll(() => run.stderr()).toContain(rtmps);
    expect(run.stderr()).toContain('Stream Key: NAME   with "Use authentication"');
    expect(run.stderr()).toContain(`the Server ${rtmp}?key=`);
    run.signal('SIGTERM');
    expect(await run.status).toBe(0);
    expect(run.stdout()).not.toContain(hash.split(':')[2]);
  });

  it('says in one line that the certificate cannot be used', async () => {
    const argv = [...FREE_PORTS, '--rtmps-port', '0', '--tls-cert', 'no.pem', '--tls-key', 'no.pem'];
    const run = await runCommand(argv, { env });
    expect(await run.status).toBe(1);
    expect(run.stderr()).toMatch(/^sluice: cannot start: certificate .*no\.pem.*ENOENT.*\n$/);
  });

  it('links to the configured application instead of live', async () => {
    const run = await runCommand([...FREE_PORTS, '--publish-key', 'none', '--apps', 'show,other'], { env });
    const { rtmp, http } = await run.ready();
    expect(rtmp).toMatch(/\/show$/);
    await expect.poll(() => run.stderr()).toContain(`${http}/watch/show/NAME`);
    run.signal('SIGINT');
    expect(await run.status).toBe(0);
  });

  it('writes readable lines on a terminal', async () => {
    const run = await runCommand([...FREE_PORTS, '--publish-key', 'none'], { env, isTTY: true });
    await expect.poll(() => run.stdout()).toMatch(/INFO.*ready.*rtmp:\/\/127\.0\.0\.1/);
    await expect.poll(() => run.stderr()).toContain('Watch:');
    run.signal('SIGINT');
    expect(await run.status).toBe(0);
  });

  it('stops cleanly and exits with an error after an exception that belongs to no stream', async () => {
    const run = await runCommand([...FREE_PORTS, '--publish-key', 'none'], { env });
    const { http } = await run.ready();
    run.fatal(new TypeError('a bug in the middle of nowhere'));
    run.fatal(new Error('and another one'));
    expect(await run.status).toBe(1);
    const fatal = run.records().filter(({ level }) => level === 60);
    expect(fatal.map(({ msg }) => msg)).toEqual(
      [
        'internal error that belongs to no stream: the gateway stops',
        'another internal error while the gateway stops',
      ].reverse(),
    );
    expect(JSON.stringify(fatal)).toContain('serve.test.ts');
    expect(run.records().at(-1)?.msg).toBe('stopped');
    await expect(fetch(http)).rejects.toThrow();
  });

  it('ends at once on a second signal; a Ctrl-C that npm forwards as well counts once', async () => {
    const run = await runCommand([...FREE_PORTS, '--publish-key', 'none'], { env });
    await run.ready();
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    run.signal('SIGINT');
    run.signal('SIGINT');
    expect(run.exits).toEqual([]);
    vi.advanceTimersByTime(501);
    run.signal('SIGINT');
    expect(run.exits).toEqual([1]);
    await run.status;
  });

  it.each(['--rtmp-port', '--http-port'])(
    'says in one line that %s is in use, and leaves nothing open',
    async (flag) => {
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as { port: number };
      const run = await runCommand([...FREE_PORTS, '--publish-key', 'none', flag, `${port}`], { env });
      expect(await run.status).toBe(1);
      expect(run.stderr()).toMatch(
        new RegExp(
          `^sluice: cannot start: .*EADDRINUSE.*${port}.*\\n$|^sluice: cannot start: .*${port}.*EADDRINUSE.*\\n$`,
        ),
      );
      taken.close();
    },
  );

  it.each([
    ['--media-dir', 'file/media'],
    ['--state-dir', 'file/state'],
  ])('says in one line that %s cannot be written', async (flag, path) => {
    const cwd = await temporaryDirectory();
    writeFileSync(join(cwd, 'file'), '');
    const run = await runCommand([...FREE_PORTS, flag, path], { env, cwd });
    expect(await run.status).toBe(1);
    expect(run.stderr()).toMatch(/^sluice: cannot start: .*file\/.*ENOTDIR.*\n$/);
  });

  // On Linux, creating a file there always fails with ENOENT; on systems without /proc it fails too.
  it.each(['--media-dir', '--state-dir'])('says in one line that %s cannot be created', async (flag) => {
    const run = await runCommand([...FREE_PORTS, flag, '/proc/sluice/test'], { env });
    expect(await run.status).toBe(1);
    expect(run.stderr()).toMatch(/^sluice: cannot start: cannot write to \/proc\/sluice\/test \(E[A-Z]+(, .+)?\)\n$/);
  });

  it('says in one line that the configured FFmpeg does not work', async () => {
    const run = await runCommand([...FREE_PORTS], { env: { FFMPEG_PATH: '/bin/true' } });
    expect(await run.status).toBe(1);
    expect(run.stderr()).toMatch(/^sluice: cannot start: FFMPEG_PATH \(\/bin\/true\).*\n$/);
  });
});

describe('demo', () => {
  it('publishes live/demo to itself, prints where to watch it, and ends with the gateway', async () => {
    const run = await runCommand(['demo', ...FREE_PORTS, '--ladder', 'source'], { env });
    const { http } = await run.ready();
    await expect.poll(() => run.stderr()).toContain(`${http}/watch/live/demo`);
    const playlist = `${http}/hls/live/demo/index.m3u8`;
    await expect.poll(async () => (await fetch(playlist)).status).toBe(200);
    expect(await (await fetch(playlist)).text()).toContain('RESOLUTION=1280x720');
    run.signal('SIGINT');
    expect(await run.status).toBe(0);
    const key = readFileSync(join(run.cwd, '.sluice', 'publish-key'), 'utf8').trim();
    expect(run.stdout() + run.stderr()).not.toContain(key);
  });

  it('publishes to the configured application', async () => {
    const run = await runCommand(['demo', ...FREE_PORTS, '--ladder', 'source', '--apps', 'show'], { env });
    const { http } = await run.ready();
    await expect.poll(() => run.stderr()).toContain(`${http}/watch/show/demo`);
    const playlist = `${http}/hls/show/demo/index.m3u8`;
    await expect.poll(async () => (await fetch(playlist)).status).toBe(200);
    run.signal('SIGINT');
    expect(await run.status).toBe(0);
  });
});
