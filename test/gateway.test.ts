// The gateway as a library: its options are checked when it is created, and its servers start as configured.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadConfig } from '../src/config/load-config.js';
import type { ProgramOptions } from '../src/config/program-options.js';
import type { GatewayEvent } from '../src/events/gateway-event.js';
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

  it('creates its directories with their parents; nobody else can read the one with the key', async () => {
    const cwd = await temporaryDirectory();
    const gateway = await gatewayIn(cwd, '--media-dir', 'a/b/media', '--state-dir', 'c/state');
    await gateway.close();
    expect(existsSync(join(cwd, 'a/b/media'))).toBe(true);
    expect(statSync(join(cwd, 'c/state')).mode & 0o777).toBe(0o700);
  });
});

describe('Gateway', () => {
  it('accepts publishers without an HTTP port of its own, and serves viewers through the surrounding application', async () => {
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
    expect(urls).toEqual({ rtmp: expect.stringMatching(/^rtmp:\/\/127\.0\.0\.1:\d+\/live$/), publishKey: null });
    expect((await app.inject('/video/readyz')).statusCode).toBe(200);
    // An event, because polling could miss the short window.
    const resuming = new Promise((resolve) => {
      gateway.onEvent(({ type }) => type === 'stream.resuming' && resolve(gateway.streams()[0]?.state));
    });
    const publisher = publishTestPattern(`${urls.rtmp}/show`, { gop: 25, preset: 'ultrafast' });
    await expect.poll(async () => (await app.inject('/video/hls/live/show/index.m3u8')).statusCode).toBe(200);
    expect((await app.inject('/video/api/v1/streams/live/show')).json()).toMatchObject({ state: 'live' });
    // Nothing is encoded, so there is no FFmpeg.
    expect(await ffmpegChildren()).toEqual([publisher.pid]);
    publisher.child.kill('SIGKILL');
    const state = async () => (await app.inject('/video/api/v1/streams/live/show')).json().state;
    await expect.poll(state).toBe('ended');
    expect(await resuming).toBe('resuming');
  });
});

/** Ports from the kernel and directories of the test's own; nothing is encoded. */
async function options(): Promise<ProgramOptions> {
  const directory = await temporaryDirectory();
  return {
    host: '127.0.0.1',
    rtmpPort: 0,
    httpPort: 0,
    mediaDir: join(directory, 'media'),
    stateDir: join(directory, 'state'),
    ffmpegPath: npmFfmpeg(),
    ladder: ['source'],
    segmentDuration: 1,
    logLevel: 'silent',
  };
}

describe('createGateway for programs', () => {
  it('accepts options as an object, file-only ones included, and has a default logger', async () => {
    const users = [{ name: 'ann', hash: `adobe:${'s'.repeat(12)}:${'A'.repeat(22)}==` }];
    const gateway = await createGateway({ ...(await options()), users, maxChunkStreams: 16, publishKey: undefined });
    onTestFinished(() => gateway.close());
    const { rtmp, http, publishKey } = await gateway.start();
    expect(rtmp).toMatch(/^rtmp:\/\/127\.0\.0\.1:\d+\/live$/);
    expect((await fetch(`${http}/readyz`)).status).toBe(200);
    expect(publishKey).toMatch(/^[\w-]{20,}$/);
  });

  it('reports all invalid options together, with what was expected', async () => {
    const bad = { httpPort: 99_999, partDurations: 1, ladder: ['huge'] } as ProgramOptions;
    await expect(createGateway(bad)).rejects.toThrow(
      /3 problems[\s\S]*options\.partDurations: unknown option; did you mean partDuration\?[\s\S]*options\.httpPort: got 99999, expected a whole number from 0 to 65535[\s\S]*options\.ladder, entry 1: got "huge"/,
    );
  });

  it('does not read the environment', async () => {
    vi.stubEnv('SLUICE_HTTP_PORT', 'nonsense');
    const gateway = await createGateway(await options());
    await gateway.close();
    vi.unstubAllEnvs();
  });
});

describe('start and close in any order', () => {
  it('refuses to start after close, and releases its resources', async () => {
    const gateway = await createGateway(await options());
    await gateway.close();
    await expect(gateway.start()).rejects.toMatchObject({ code: 'gateway.closed' });
    await gateway.close();
  });

  it('refuses a second start and continues with the first', async () => {
    const gateway = await createGateway(await options());
    onTestFinished(() => gateway.close());
    const first = gateway.start();
    await expect(gateway.start()).rejects.toMatchObject({ code: 'gateway.started' });
    expect((await fetch(`${(await first).http}/healthz`)).status).toBe(200);
  });

  it('releases the ports if it is closed while it starts, and the start fails with a reason', async () => {
    const given = await options();
    const gateway = await createGateway(given);
    const started = gateway.start();
    const closed = gateway.close();
    await expect(started).rejects.toMatchObject({ code: 'gateway.closed' });
    await closed;
    // Nothing is left of it: the same directories start again.
    const next = await createGateway(given);
    await next.start();
    await next.close();
  });

  it('closes itself when a port is taken', async () => {
    const holder = await createGateway(await options());
    onTestFinished(() => holder.close());
    const { http } = await holder.start();
    const given = { ...(await options()), httpPort: Number(new URL(http).port) };
    const gateway = await createGateway(given);
    await expect(gateway.start()).rejects.toMatchObject({ code: 'http.listen' });
    await expect(gateway.start()).rejects.toMatchObject({ code: 'gateway.closed' });
    // Its RTMP port is free again: listening on it works.
    const again = await createGateway({ ...given, httpPort: 0 });
    await again.start();
    await again.close();
  });
});

describe('events, list, kick and decisions of a program', () => {
  it('reports a publish from beginning to end, even if listeners throw', async () => {
    const gateway = await createGateway(
      { ...(await options()), resumeWindow: 0 },
      {
        authorizePublish: async ({ name, query }) =>
          (name === 'show' && query.get('token') === 'right') || 'wrong token',
        logger: pino({ level: 'silent' }),
      },
    );
    onTestFinished(() => gateway.close());
    const events: GatewayEvent[] = [];
    gateway.onEvent(() => {
      throw new Error('a listener of the program');
    });
    gateway.onEvent(async () => Promise.reject(new Error('an async one')));
    gateway.onEvent((event) => {
      events.push(event);
    });
    const { rtmp } = await gateway.start();

    const refused = publishTestPattern(`${rtmp}/show?token=wrong`, { audio: false });
    await refused.exit;
    expect(refused.stderr()).toContain('wrong token');
    expect(events).toEqual([]);

    const publisher = publishTestPattern(`${rtmp}/show?token=right`, { gop: 25, preset: 'ultrafast' });
    await expect.poll(() => gateway.streams()).toMatchObject([{ name: 'show', state: 'live' }]);
    expect(gateway.kick('live', 'show', 'time is up')).toBe(true);
    expect(gateway.kick('live', 'nobody')).toBe(false);
    await publisher.exit;
    await expect.poll(() => events.map(({ type }) => type)).toContain('stream.ended');
    expect(events).toMatchObject([
      { type: 'publish.started', app: 'live', name: 'show', remoteAddress: '127.0.0.1' },
      { type: 'stream.started', renditions: ['source', 'audio'] },
      { type: 'publish.ended', reason: { code: 'gateway.kicked', message: 'time is up' } },
      { type: 'stream.ended', app: 'live', name: 'show' },
    ]);
  });

  it('refuses a publisher if the decision function throws, without revealing the error to the encoder', async () => {
    const gateway = await createGateway(await options(), {
      authorizePublish: () => {
        throw new Error('secret of the data base');
      },
      logger: pino({ level: 'silent' }),
    });
    onTestFinished(() => gateway.close());
    const { rtmp } = await gateway.start();
    const refused = publishTestPattern(`${rtmp}/show`, { audio: false });
    await refused.exit;
    expect(refused.stderr()).toContain('publishing was denied');
    expect(refused.stderr()).not.toContain('data base');
  });
});
