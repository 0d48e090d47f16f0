// The doctor really tries everything, reports each problem with its cause, and leaves nothing behind.
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeCertificate } from '../support/certificate.js';
import { npmFfmpeg } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { runCommand } from './command-under-test.js';

const FREE_PORTS = ['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0'];

describe('doctor', () => {
  it('finds everything it needs after npm install, and changes nothing', async () => {
    const run = await runCommand(['doctor', ...FREE_PORTS]);
    expect(await run.status).toBe(0);
    const report = run.stdout();
    expect(report).toContain(`Node ${process.versions.node}`);
    expect(report).toMatch(/ok {6} FFmpeg .* has libx264 and aac/);
    expect(report).toContain(`FFmpeg candidate @ffmpeg-binary ${npmFfmpeg()}: works`);
    expect(report).toContain('FFmpeg candidate PATH: there is no ffmpeg on the PATH');
    expect(report).toContain('hls.js is installed');
    expect(report).toMatch(/media directory .* will be made, [\d.]+ GB free/);
    expect(report).toContain('publish key: will be generated in');
    expect(report).toContain('Everything needed is here.');
    expect(readdirSync(run.cwd)).toEqual([]);
  });

  it('lists every problem with its cause, and exits with 1', async () => {
    const cwd = await temporaryDirectory();
    writeFileSync(join(cwd, 'file'), '');
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const alsoTaken = createServer().listen(0, '127.0.0.1');
    await once(alsoTaken, 'listening');
    const { port: adminPort } = alsoTaken.address() as { port: number };
    const ports = [...FREE_PORTS, '--http-port', `${port}`, '--admin-port', `${adminPort}`];
    const argv = ['doctor', ...ports, '--media-dir', 'file/x', '--publish-key', 'none'];
    const run = await runCommand(argv, { cwd, env: { FFMPEG_PATH: '/bin/true' } });
    expect(await run.status).toBe(1);
    const problems = run
      .stdout()
      .split('\n')
      .filter((line) => line.includes('PROBLEM'));
    expect(problems).toEqual([
      expect.stringContaining('FFMPEG_PATH (/bin/true)'),
      expect.stringContaining(`HTTP port ${port} on 127.0.0.1 cannot be opened (EADDRINUSE, a gateway or another`),
      expect.stringContaining(`admin port ${adminPort} on 127.0.0.1 cannot be opened (EADDRINUSE, `),
      expect.stringContaining('file/x cannot be written (ENOTDIR, '),
    ]);
    expect(run.stdout()).toContain('publishing is open to everyone');
    expect(run.stdout()).toContain('4 of these must be fixed first.');
    expect(existsSync(join(cwd, 'media'))).toBe(false);
    taken.close();
    alsoTaken.close();
  });

  it('tries the certificate, its ports and the slate that are configured', async () => {
    const cwd = await temporaryDirectory();
    const { cert, key } = await writeCertificate(cwd);
    writeFileSync(join(cwd, 'slate.png'), '');
    const tls = ['--rtmps-port', '0', '--https-port', '0', '--tls-cert', cert];
    const good = await runCommand(['doctor', ...FREE_PORTS, ...tls, '--tls-key', key, '--slate', 'slate.png'], { cwd });
    expect(await good.status).toBe(0);
    expect(good.stdout()).toContain(`  ok       certificate ${cert} can be used\n`);
    for (const name of ['RTMPS', 'HTTPS']) expect(good.stdout()).toContain(`  ok       ${name} port: a free one`);
    expect(good.stdout()).toContain(`  ok       slate ${join(cwd, 'slate.png')} can be read\n`);

    writeFileSync(join(cwd, 'no.pem'), 'not PEM');
    const bad = await runCommand(['doctor', ...FREE_PORTS, ...tls, '--tls-key', 'no.pem', '--slate', 'none.png'], {
      cwd,
    });
    expect(await bad.status).toBe(1);
    expect(bad.stdout()).toMatch(/PROBLEM {2}certificate .*no\.pem: the key is not PEM \(.*\)\n/);
    expect(bad.stdout()).toMatch(
      /PROBLEM {2}cannot read the slate .*none\.png \(ENOENT, no such file or directory\)\n/,
    );
  });

  it('reports a directory in which nothing can be created', async () => {
    const run = await runCommand([
      'doctor',
      ...FREE_PORTS,
      '--media-dir',
      '/proc/sluice/test',
      '--publish-key',
      'none',
    ]);
    expect(await run.status).toBe(1);
    expect(run.stdout()).toMatch(/PROBLEM {2}media directory \/proc\/sluice\/test cannot be written \(E[A-Z]+, .+\)/);
  });

  it('says what is wrong with the publish key file', async () => {
    const cwd = await temporaryDirectory();
    mkdirSync(join(cwd, '.sluice'));
    writeFileSync(join(cwd, '.sluice', 'publish-key'), '');
    const run = await runCommand(['doctor', ...FREE_PORTS], { cwd });
    expect(await run.status).toBe(1);
    expect(run.stdout()).toMatch(
      /PROBLEM {2}publish key file .*\/publish-key: it is empty; expected one line, the key/,
    );
  });

  it('says that viewers need a link, and what is wrong with the files for that', async () => {
    const cwd = await temporaryDirectory();
    mkdirSync(join(cwd, '.sluice', 'revoked-sessions.jsonl'), { recursive: true });
    const run = await runCommand(['doctor', '--play-access', 'token', ...FREE_PORTS], { cwd });
    expect(await run.status).toBe(1);
    expect(run.stdout()).toContain('note     viewers need a link from sluice sign (playAccess: token)');
    expect(run.stdout()).toContain('ok       play secret: will be generated in');
    expect(run.stdout()).toMatch(/PROBLEM {2}file of revoked sessions .*: it is a directory\n/);
  });
});
