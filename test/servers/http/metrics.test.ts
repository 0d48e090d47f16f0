// /metrics: who may read it, that it contains all figures, and that none of them is secret.
import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/servers/http/app.js';
import type { GatewayFigures } from '../../../src/servers/http/metrics/figures.js';
import { fakeDependencies } from './fake-origin.js';

const FIGURES: GatewayFigures = {
  rtmp: {
    connections: 2,
    connectionsAccepted: 9,
    connectionsRefused: 1,
    publishers: 1,
    publishesAccepted: 3,
    publishesRefused: 4,
    viewers: 6,
    playsAccepted: 8,
    playsRefused: 0,
    viewerDroppedTags: 2,
    bytesReceived: 1000,
    bytesSent: 50,
    closedByError: new Map([['rtmp-server.idle-timeout', 5]]),
  },
  capacity: { transcodes: 1, refused: 2, shed: 3 },
  streams: [
    { app: 'live', name: 'demo', bytesIn: 77, frameRate: 25, forcedCuts: 0, withdrawn: new Map([['overload', 1]]) },
  ],
};

function app(changes: Parameters<typeof fakeDependencies>[0] = {}) {
  return buildApp({ ...fakeDependencies(), metrics: { figures: () => FIGURES }, metricsPolicy: 'public', ...changes });
}

describe('GET /metrics', () => {
  it('returns every known figure, and the same again on the next request', async () => {
    const server = app();
    await server.inject('/metrics');
    const answer = await server.inject('/metrics');
    await server.close();
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.headers['cache-control']).toBe('no-store');
    const lines = answer.body.split('\n');
    for (const line of [
      'sluice_rtmp_connections 2',
      'sluice_rtmp_connections_total 9',
      'sluice_rtmp_errors_total{code="rtmp-server.idle-timeout"} 5',
      'sluice_stream_received_bytes_total{app="live",name="demo"} 77',
      'sluice_stream_forced_cuts_total{app="live",name="demo"} 0',
      'sluice_stream_hls_viewers{app="live",name="demo"} 0',
      'sluice_stream_withdrawn_renditions{app="live",name="demo",reason="overload"} 1',
      'sluice_rtmp_viewers 6',
      'sluice_ladders_refused_total 2',
      'sluice_renditions_shed_total 3',
      'sluice_hls_waiting 0',
    ]) {
      expect(lines).toContain(line);
    }
    expect(answer.body).not.toContain('sluice_stream_ffmpeg_speed_ratio{');
    expect(answer.body).toMatch(/^sluice_resident_memory_bytes [1-9]\d+$/m);
  });

  it.each([
    ['this machine, unless it is public', 'admin', '127.0.0.1', {}, 404],
    ['a proxy that hides its client', 'admin', '127.0.0.1', { via: '1.1 edge' }, 404],
    ['a stranger who claims to be this machine', 'admin', '192.0.2.1', { 'x-forwarded-for': '127.0.0.1' }, 404],
    ['anybody when public', 'public', '192.0.2.1', {}, 200],
    ['nobody when off', 'off', '127.0.0.1', {}, 404],
  ] as const)('C3.10 C3.12 %s', async (_who, metricsPolicy, remoteAddress, headers, status) => {
    const server = app({ metricsPolicy });
    const answer = await server.inject({ url: '/metrics', remoteAddress, headers });
    await server.close();
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect(answer.body.includes('sluice_')).toBe(status === 200);
  });
});

describe('viewers', () => {
  it('are the distinct clients that got a media playlist, in the API and in the metrics', async () => {
    const dependencies = fakeDependencies();
    dependencies.origin.respond = () => ({ status: 200, kind: 'media-playlist', body: Buffer.from('#EXTM3U\n') });
    const server = buildApp({ ...dependencies, metricsPolicy: 'public' });
    const watch = (address: string, agent: string) =>
      server.inject({
        url: '/hls/live/demo/v/index.m3u8',
        remoteAddress: '127.0.0.1',
        headers: { 'x-forwarded-for': address, 'user-agent': agent },
      });
    await watch('192.0.2.1', 'a');
    await watch('192.0.2.1', 'a');
    await watch('192.0.2.1', 'b');
    await watch('192.0.2.2', 'a');
    const { viewers } = (await server.inject('/api/v1/streams/live/demo')).json();
    const figures = (await server.inject('/metrics')).body;
    await server.close();
    // The directory itself reports three.
    expect(viewers).toBe(6);
    expect(figures).toContain('sluice_stream_hls_viewers{app="live",name="demo"} 3');
    expect(figures).not.toContain('192.0.2');
  });
});
