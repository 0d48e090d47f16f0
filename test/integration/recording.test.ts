// Recordings of a whole gateway, as viewers and operators see them: they have every live sample, over a publisher's absence and a killed process.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createPlayToken } from '../../src/access/tickets/play-token.js';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import type { GatewayEvent } from '../../src/events/gateway-event.js';
import { runCommand } from '../cli/command-under-test.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { startGateway } from '../support/gateway.js';
import { buildGateway } from '../support/gateway-process.js';
import { eventually, fetchBytes, fetchText, recordRendition, whenListed } from '../support/hls-client.js';
import { parsePlaylist } from '../support/playlist-checker.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';

const FLAGS = ['--ladder', 'source', '--segment-duration', '1', '--part-duration', '0.25', '--keep-free', '0'];
const SECRET = 'a-secret-of-the-back-end-0123456789abcdef';

let source: FlvSource;
beforeAll(async () => {
  source = await makeFlvSource({ seconds: 4, gop: 25 });
});

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly duration: number;
  readonly bytes: number;
  readonly renditions: readonly string[];
  readonly gaps: readonly { readonly from: string; readonly to: string }[];
}

async function recordings(http: string): Promise<readonly Listed[]> {
  const answer = JSON.parse(await fetchText(`${http}/api/v1/recordings`)) as { recordings: Listed[] };
  return answer.recordings;
}

/** The newest recording, when it is finished. */
const whenMade = (http: string): Promise<Listed> =>
  eventually(async () => (await recordings(http)).find(({ state }) => state !== 'recording' && state !== 'paused'));

const statusOf = async (url: string, headers: Record<string, string>): Promise<number | undefined> => {
  const [response] = (await once(get(url, { headers }), 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
};

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a recording of a stream', () => {
  it('G1.01 G1.02 G1.03 has the bytes of every live segment, plays in FFmpeg, and is reported by events', async () => {
    const { gateway, http, publishUrl, mediaDir, errors } = await startGateway(...FLAGS, '--record', 'all');
    const events: GatewayEvent[] = [];
    gateway.onEvent((event) => void events.push(event));
    const publisher = await publishLoop(publishUrl('cam'), source);
    await whenListed(`${http}/hls/live/cam`, 'source', 1);
    const live = Promise.all(['source', 'audio'].map((name) => recordRendition(`${http}/hls/live/cam`, name)));
    await whenListed(`${http}/hls/live/cam`, 'source', 4);
    await publisher.stop();
    const [video, audio] = await live;
    const recording = await whenMade(http);
    expect(recording).toMatchObject({ state: 'finished', renditions: ['source', 'audio'], gaps: [] });
    const base = `${http}/vod/${recording.id}`;
    for (const { name, segments, inits } of [video, audio].filter((found) => found !== undefined)) {
      const text = await fetchText(`${base}/${name}/index.m3u8`);
      expect(text).toContain('#EXT-X-PLAYLIST-TYPE:VOD');
      expect(text).not.toMatch(/EXT-X-PART|PRELOAD|SERVER-CONTROL/);
      const listed = parsePlaylist(text).segments;
      expect(listed.map(({ uri }) => uri)).toEqual([...segments.values()].map(({ uri }) => uri));
      for (const { uri, bytes } of segments.values()) {
        expect(digest(await fetchBytes(`${base}/${name}/${uri}`))).toBe(digest(bytes));
      }
      const names = [...segments.values()].map(({ uri }) => uri);
      const trees = [mediaDir, join(mediaDir, '..', 'recordings')].map((root) => join(root, 'live', 'cam'));
      const [live = '', kept = ''] = [join(trees[0] ?? '', name), join(trees[1] ?? '', recording.id, name)];
      // No byte was copied.
      for (const uri of names) expect((await stat(join(kept, uri))).ino).toBe((await stat(join(live, uri))).ino);
      for (const [uri, bytes] of inits) expect(await fetchBytes(`${base}/${name}/${uri}`)).toEqual(bytes);
    }
    const { stderr } = await runProgram(npmFfmpeg(), [
      ...['-v', 'error', '-i', `${base}/index.m3u8`, '-map', '0', '-c', 'copy', '-f', 'null', '-'],
    ]);
    expect(stderr).toBe('');
    expect(events.map(({ type }) => type).filter((type) => type.startsWith('recording'))).toEqual([
      'recording.started',
      'recording.finished',
    ]);
    expect(errors()).toEqual([]);
  });

  it('G1.14 is served with ranges, validators and lifetimes, to any site, and only its own files', async () => {
    const { http, publishUrl } = await startGateway(...FLAGS, '--record', 'source');
    const publisher = await publishLoop(publishUrl('cam'), source);
    await whenListed(`${http}/hls/live/cam`, 'source', 2);
    const growing = await eventually(async () => {
      const id = (await recordings(http))[0]?.id;
      const answer = await fetch(`${http}/vod/${id}/source/index.m3u8`);
      return answer.ok ? answer : undefined;
    });
    expect(growing.headers.get('cache-control')).toBe('public, max-age=1');
    await publisher.stop();
    const { id } = await whenMade(http);
    const base = `${http}/vod/${id}`;
    const playlist = await fetch(`${base}/source/index.m3u8`);
    expect(playlist.headers.get('cache-control')).toBe('public, max-age=86400');
    expect(playlist.headers.get('content-type')).toContain('application/vnd.apple.mpegurl');
    const uri = parsePlaylist(await playlist.text()).segments[0]?.uri ?? '';
    const whole = await fetch(`${base}/source/${uri}`);
    expect(whole.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const missing = await fetch(`${base}/source/seg-999999.m4s`);
    expect([missing.status, missing.headers.get('cache-control')]).toEqual([404, 'no-store']);
    const beyond = await fetch(whole.url, { headers: { range: 'bytes=99999999-' } });
    expect([beyond.status, beyond.headers.get('cache-control')]).toEqual([416, 'no-store']);
    expect(whole.headers.get('content-type')).toBe('video/mp4');
    expect(whole.headers.get('access-control-allow-origin')).toBe('*');
    const bytes = Buffer.from(await whole.arrayBuffer());
    const part = await fetch(`${base}/source/${uri}`, { headers: { range: 'bytes=10-19' } });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(`bytes 10-19/${bytes.length}`);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(10, 20));
    const etag = whole.headers.get('etag') ?? '';
    // Not `fetch`, which would hide a 304 answer.
    expect(await statusOf(`${base}/source/${uri}`, { 'if-none-match': etag })).toBe(304);
    expect((await fetch(`${base}/source/${uri}`, { method: 'HEAD' })).headers.get('content-length')).toBe(
      `${bytes.length}`,
    );
    for (const path of [
      'recording.json',
      'source/recording.json',
      'source/..%2frecording.json',
      'source/seg-1.m4s',
      '..%2f..%2fx',
      '',
    ]) {
      expect([400, 404], path).toContain((await fetch(`${base}/${path}`)).status);
    }
    // Viewers cut no clips unless the operator lets them.
    const wish = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"from":0}' };
    expect((await fetch(`${http}/api/v1/recordings/${id}/clips`, wish)).status).toBe(405);
    expect((await fetch(`${http}/vod/00000000000000000000000000/index.m3u8`)).status).toBe(404);
  });

  it('G1.05 continues when the publisher returns in time, with one discontinuity and the gap listed', async () => {
    const { http, publishUrl } = await startGateway(...FLAGS, '--record', 'all', '--resume-window', '2');
    const first = await publishLoop(publishUrl('cam'), source);
    await whenListed(`${http}/hls/live/cam`, 'source', 2);
    await first.stop();
    const second = await publishLoop(publishUrl('cam'), source);
    await whenListed(`${http}/hls/live/cam`, 'source', 5);
    await second.stop();
    const { id } = await whenMade(http);
    expect(await recordings(http)).toHaveLength(1);
    for (const rendition of ['source', 'audio']) {
      const text = await fetchText(`${http}/vod/${id}/${rendition}/index.m3u8`);
      expect(text.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
    }
  });

  it('G1.01 is started and stopped by a program, and removed by it', async () => {
    const { gateway, http, publishUrl } = await startGateway(...FLAGS);
    await publishLoop(publishUrl('cam'), source);
    await whenListed(`${http}/hls/live/cam`, 'source', 1);
    expect(await recordings(http)).toEqual([]);
    const { id } = gateway.recordings.start('live', 'cam', { renditions: 'all', title: 'Interview' });
    expect((await recordings(http))[0]).toMatchObject({ id, state: 'recording', title: 'Interview' });
    await eventually(async () => ((await recordings(http))[0]?.bytes ? true : undefined));
    gateway.recordings.stop('live', 'cam');
    expect(await whenMade(http)).toMatchObject({ id, state: 'finished' });
    await gateway.recordings.remove(id);
    expect(await recordings(http)).toEqual([]);
    expect(() => gateway.recordings.start('live', 'other')).toThrow('no stream live/other is live');
  });

  it('is started, cut, named, downloaded and removed by commands', async () => {
    const cwd = await temporaryDirectory();
    const stateDir = join(cwd, 'state');
    const {
      gateway,
      http,
      admin = '',
      publishUrl,
    } = await startGateway(...FLAGS, ...['--state-dir', stateDir, '--admin-port', '0']);
    const ports = ['--admin-port', new URL(admin).port, '--http-port', new URL(http).port];
    const sluice = async (...words: string[]): Promise<string> => {
      const command = await runCommand(['recording', ...words, ...ports, '--state-dir', stateDir], { cwd });
      const status = await command.status;
      if (status !== 0) throw new Error(command.stderr());
      return command.stdout();
    };
    const publisher = await publishLoop(publishUrl('cam'), source);
    await whenListed(`${http}/hls/live/cam`, 'source', 1);
    expect(await sluice('start', 'live/cam', '--title', 'Match')).toMatch(
      /^\w{26} {2}live\/cam .* recording {2}"Match"\n$/,
    );
    const live = (await sluice('clip', 'live/cam', '--from', '-0.5')).slice(0, 26);
    expect(gateway.recordings.find(live)?.facts.clip?.of).toBeUndefined();
    await eventually(
      async () => (gateway.recordings.list({ limit: 9 }).recordings[1]?.duration ?? 0) >= 2 || undefined,
    );
    const { id = '' } = gateway.recordings.list({ limit: 9 }).recordings[1] ?? {};
    await sluice('stop', 'live/cam');
    await publisher.stop();
    await eventually(async () => gateway.recordings.find(id)?.facts.state === 'finished' || undefined);
    const clip = (await sluice('clip', id, '--from', '0.5', '--to', '1.5')).slice(0, 26);
    expect(JSON.parse(await sluice('show', clip))).toMatchObject({ clip: { of: id, skip: 0.5 } });
    await sluice('pin', clip);
    await sluice('title', clip, 'Goal');
    expect(await sluice('list', 'live/cam')).toMatch(new RegExp(`^${clip} .*pinned {2}clip of ${id} {2}"Goal"$`, 'm'));
    const file = (await sluice('download', clip, '--output', 'goal.mp4')).trim();
    const { stdout } = await runProgram(npmFfmpeg(), ['-v', 'error', '-i', file, '-map', '0:v', '-f', 'framemd5', '-']);
    // One second of 25 pictures a second, which begins and ends within a picture.
    expect(stdout.toString().match(/^\d/gm)).toHaveLength(26);
    await expect(sluice('download', clip, '--output', 'goal.mp4')).rejects.toThrow('EEXIST');
    ports[3] = '1';
    await expect(sluice('download', clip, '--output', 'none.mp4')).rejects.toThrow(
      'no gateway answers at http://127.0.0.1:1 ',
    );
    await sluice('delete', id);
    await expect(sluice('show', id)).rejects.toThrow('sluice: the gateway answers: no such recording\n');
    expect((await fetch(`${http}/vod/${clip}/index.m3u8`)).status).toBe(200);
    // The tokens of the commands are gone.
    expect(JSON.parse(await readFile(join(stateDir, 'operator-tokens.json'), 'utf8'))).toMatchObject({ tokens: [] });
  });

  it('G1.15 is one MP4 with moov first, which serves any range and has exactly the samples of the segments', async () => {
    const { http, publishUrl } = await startGateway(...FLAGS, '--record', 'all', '--resume-window', '2');
    const first = await publishLoop(publishUrl('cam'), source);
    await whenListed(`${http}/hls/live/cam`, 'source', 3);
    const { id } = (await recordings(http))[0] ?? { id: '' };
    // Not while the recording is in progress.
    expect((await fetch(`${http}/vod/${id}.mp4`)).status).toBe(404);
    await first.stop();
    const second = await publishLoop(publishUrl('cam'), source);
    await whenListed(`${http}/hls/live/cam`, 'source', 5);
    await second.stop();
    const { duration, gaps } = await whenMade(http);
    const url = `${http}/vod/${id}.mp4`;
    const whole = await fetch(url);
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect(whole.headers.get('content-length')).toBe(`${bytes.length}`);
    expect(whole.headers.get('content-disposition')).toMatch(/^attachment; filename="cam-[\dT-]+\.mp4"$/);
    expect(bytes.toString('latin1', 4, 8)).toBe('ftyp');
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'));
    for (const [from, to] of [
      [0, 0],
      [5, 5000],
      [bytes.length - 10, bytes.length - 1],
      [bytes.length >> 1, (bytes.length >> 1) + 70_000],
    ]) {
      const part = await fetch(url, { headers: { range: `bytes=${from}-${to}` } });
      expect(part.status).toBe(206);
      expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(from, (to ?? 0) + 1));
    }
    const beyond = await fetch(url, { headers: { range: `bytes=${bytes.length}-` } });
    expect([beyond.status, beyond.headers.get('cache-control')]).toEqual([416, 'no-store']);
    expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe(`${bytes.length}`);

    const hashes = async (input: string, stream: string): Promise<string[]> => {
      const args = ['-v', 'warning', '-i', input, '-map', `0:${stream}`, '-c', 'copy', '-f', 'framemd5', '-'];
      const { stdout, stderr } = await runProgram(npmFfmpeg(), args);
      expect(stderr).toBe('');
      return stdout
        .toString()
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.split(',').at(-1)?.trim() ?? '');
    };
    for (const stream of ['v', 'a']) {
      const segments = await hashes(`${http}/vod/${id}/${stream === 'v' ? 'source' : 'audio'}/index.m3u8`, stream);
      expect(await hashes(url, stream)).toEqual(segments);
      expect(segments.length).toBeGreaterThan(50);
    }
    // The MP4 includes the time without a publisher.
    const away = gaps.reduce((sum, { from, to }) => sum + Date.parse(to) - Date.parse(from), 0) / 1000;
    const movie = await runProgram(npmFfmpeg(), [
      '-v',
      'error',
      '-i',
      url,
      '-map',
      '0:v',
      '-c',
      'copy',
      '-f',
      'framemd5',
      '-',
    ]);
    const times = movie.stdout
      .toString()
      .split('\n')
      .filter((line) => /^\d/.test(line))
      .map((line) => Number(line.split(',')[2]));
    const scale = Number(/#tb 0: 1\/(\d+)/.exec(movie.stdout.toString())?.[1]);
    const lasts = (Math.max(...times) - Math.min(...times)) / scale;
    expect(Math.abs(lasts - (duration + away))).toBeLessThan(0.4);
    expect((await fetch(`${http}/vod/${id}.mp4?rendition=audio`)).status).toBe(200);
    expect((await fetch(`${http}/vod/${id}.mp4?rendition=720p`)).status).toBe(404);
  });

  it('needs the same token as a protected stream', async () => {
    const flags = ['--play-access', 'token', '--play-secrets', SECRET, '--viewer-clips', '1GB'];
    const { http, publishUrl } = await startGateway(...FLAGS, ...flags, '--record', 'all');
    const publisher = await publishLoop(publishUrl('cam'), source);
    const entry = await eventually(async () => {
      const [recording] = await recordings(http);
      return recording !== undefined && recording.bytes > 0 ? `${http}/vod/${recording.id}/index.m3u8` : undefined;
    });
    await publisher.stop();
    expect((await fetch(entry)).status).toBe(401);
    const keys = new SigningKeys([Buffer.from(SECRET)]);
    const tokenFor = (stream: string) => createPlayToken({ stream, until: Math.floor(Date.now() / 1000) + 60 }, keys);
    expect((await fetch(`${entry}?token=${tokenFor('live/other')}`)).status).toBe(403);
    const text = await fetchText(`${entry}?token=${tokenFor('live/cam')}`);
    const uri = /^\S+source\/index\.m3u8$/m.exec(text)?.[0] ?? '';
    const media = new URL(uri, entry);
    expect(media.pathname).toMatch(/^\/vod\/~1[^/]+\/[0-9a-z]{26}\/source\/index\.m3u8$/);
    const segment = parsePlaylist(await fetchText(media.href)).segments[0]?.uri ?? '';
    expect((await fetch(new URL(segment, media))).status).toBe(200);
    // So does a clip of it, and nothing else may be written.
    const clips = entry.replace(/vod\/(\w+)\/index.m3u8/, 'api/v1/recordings/$1/clips');
    const cut = (query: string, body: unknown): Promise<Response> => {
      const headers = { 'content-type': 'application/json' };
      return fetch(`${clips}${query}`, { method: 'POST', headers, body: JSON.stringify(body) });
    };
    expect((await cut('', { from: 0 })).status).toBe(401);
    expect((await cut(`?token=${tokenFor('live/other')}`, { from: 0 })).status).toBe(403);
    const own = `?token=${tokenFor('live/cam')}`;
    expect((await cut(own, { from: 0, to: 0 })).status).toBe(400);
    expect((await cut(own, { from: 0, by: 'operator' })).status).toBe(400);
    expect(await (await cut(own, { from: 0.5 })).json()).toMatchObject({ clip: { skip: 0.5 } });
    expect((await fetch(`${http}/api/v1/recordings`, { method: 'POST' })).status).toBe(405);
    const open = media.href.replace(/\/~[^/]+/, '');
    expect((await fetch(open)).status).toBe(401);
    expect((await fetch(new URL(segment, open))).status).toBe(401);
  });
});

it('G1.04 a recording of a killed gateway is finished by the next process, with all listed segments', async () => {
  const program = await buildGateway(...FLAGS, '--record', 'all');
  const gateway = await program.start();
  await publishLoop(`${gateway.rtmp}/cam`, source);
  const { id } = await eventually(async () => {
    const [recording] = await recordings(gateway.http);
    return recording !== undefined && recording.duration >= 3 ? recording : undefined;
  });
  const listed = parsePlaylist(await fetchText(`${gateway.http}/vod/${id}/source/index.m3u8`)).segments;
  await gateway.kill();
  const next = await program.start();
  const recording = await whenMade(next.http);
  expect(recording).toMatchObject({ id, state: 'interrupted' });
  const kept = parsePlaylist(await fetchText(`${next.http}/vod/${id}/source/index.m3u8`));
  expect(kept.segments.slice(0, listed.length).map(({ uri }) => uri)).toEqual(listed.map(({ uri }) => uri));
  expect(kept.ended).toBe(true);
  const directory = join(program.mediaDir, '..', 'recordings', 'live', 'cam', id);
  const files = await readdir(join(directory, 'source'));
  for (const { uri } of kept.segments) {
    expect(files).toContain(uri);
    expect((await stat(join(directory, 'source', uri))).size).toBeGreaterThan(0);
  }
  expect(JSON.parse(await readFile(join(directory, 'recording.json'), 'utf8'))).toMatchObject({ state: 'interrupted' });
});
