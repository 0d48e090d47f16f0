// A gateway as a program that embeds it sees it: what it needs is checked when it is made, and its servers start as asked.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../src/config/load-config.js';
import { createGateway, type Gateway } from '../src/gateway.js';
import { sluiceHttp } from '../src/servers/http/plugin.js';
import { publishTestPattern } from './support/gateway.js';
import { ffmpegChildren, npmFfmpeg } from './support/processes.js';
import { temporaryDirectory } from './support/temp-dir.js';

async function gatewayIn(cwd: string, ...flags: string[]): Promise<Gateway> {
  const ports = ['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0'];
  const config = loadConfig({ argv: [...ports, '--ffmpeg-path', npmFfmpeg(), ...flags], env: {}, cwd });
  return createGateway(config, { logger: pino({ level: 'silent' }) });
}

describe('createGateway', () => {
  it.each(['--media-dir', '--state-dir'])('fails when the directory of %s cannot be made', async (flag) => {
    const cwd = await temporaryDirectory();
    writeFileSync(join(cwd, 'file'), '');
    for (const path of ['file', 'file/x', '/proc/sluice/test']) {
      await expect(gatewayIn(cwd, flag, path)).rejects.toMatchObject({ code: 'pipeline.directory' });
    }
  });

  it('makes the directories, parents included, the one of the key for nobody else to read', async () => {
    const cwd = await temporaryDirectory();
    const gateway = await gatewayIn(cwd, '--media-dir', 'a/b/media', '--state-dir', 'c/state');
    await gateway.close();
    expect(existsSync(join(cwd, 'a/b/media'))).toBe(true);
    expect(statSync(join(cwd, 'c/state')).mode & 0o777).toBe(0o700);
  });
});

describe('Gateway', () => {
  it('takes publishers without an HTTP port of its own, and plays in the application of the program', async () => {
    const gateway = await gatewayIn(
      await temporaryDirectory(),
      ...['--publish-key', 'none', '--ladder', 'source', '--segment-duration', '1', '--resume-window', '1'],
    );
    onTestFinished(() => gateway.close());
    const app = Fastify();
    onTestFinished(() => app.close());
    await app.register(sluiceHttp, { prefix: '/video', ...gateway.httpDependencies() });
    expect((await app.inject('/video/readyz')).statusCode).toBe(503);

    const urls = await gateway.start({ http: false });
    expect(urls).toEqual({ rtmp: expect.stringMatching(/^rtmp:\/\/127\.0\.0\.1:\d+\/live$/) });
    expect((await app.inject('/video/readyz')).statusCode).toBe(200);
    const publisher = publishTestPattern(`${urls.rtmp}/show`, { duration: 3, gop: 25, preset: 'ultrafast' });
    await expect
      .poll(async () => (await app.inject('/video/hls/live/show/index.m3u8')).statusCode, { timeout: 20_000 })
      .toBe(200);
    expect((await app.inject('/video/api/v1/streams/live/show')).json()).toMatchObject({ state: 'live' });
    // Nothing is encoded, so there is no FFmpeg.
    expect(await ffmpegChildren()).toEqual([publisher.pid]);
    await publisher.exit;
    const state = async () => (await app.inject('/video/api/v1/streams/live/show')).json().state;
    await expect.poll(state).toBe('resuming');
    await expect.poll(state, { timeout: 5_000 }).toBe('ended');
  });
});
