// Third-party players with a viewer's link. A proxy in front of the gateway records their requests.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as ask, createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { DASH_JS, openPlayer, type Player, SHAKA_DASH, SHAKA_HLS } from '../e2e/other-players-page.js';
import { DEBIAN_FFMPEG, GSTREAMER } from '../support/peers.js';
import { npmFfmpeg } from '../support/processes.js';

export interface SeenRequest {
  readonly url: string;
  readonly referer: string | undefined;
  status: number;
}

export interface SeenRequests {
  readonly base: string;
  readonly requests: readonly SeenRequest[];
  /** Resolves when this many segments and parts were sent. Rejects if something was refused. */
  whenSent(count: number, signal: AbortSignal): Promise<void>;
}

const IS_MEDIA = /\/(?:seg|part)-[^/]*\.m4s/;

/** Passes on every request to the gateway; closed at the end of the test. */
export async function watchRequests(target: string): Promise<SeenRequests> {
  const requests: SeenRequest[] = [];
  const agent = new Agent({ keepAlive: true });
  const listeners = new Set<() => void>();
  const server = createServer((incoming, outgoing) => {
    const { url = '', method, headers } = incoming;
    const seen: SeenRequest = { url, referer: headers.referer, status: 0 };
    requests.push(seen);
    const onward = ask(target + url, { method, headers, agent }, (answer) => {
      seen.status = answer.statusCode ?? 0;
      outgoing.writeHead(seen.status, answer.headers);
      answer.pipe(outgoing).on('finish', () => {
        for (const listener of [...listeners]) listener();
      });
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
    agent.destroy();
  });
  const whenSent = (count: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (requests.filter(({ url, status }) => IS_MEDIA.test(url) && status < 300 && status > 0).length < count)
          return;
        listeners.delete(look);
        resolve();
      };
      signal.addEventListener('abort', () =>
        reject(new Error(`the player ended: ${JSON.stringify(requests.slice(-5))}`)),
      );
      listeners.add(look);
      look();
    });
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, whenSent };
}

/**
 * Finds faulty requests: with the token in place of a ticket, without either, refused ones, or with a secret in the Referer.
 * @param refers whether the player sends a Referer whatever `Referrer-Policy` says, as GStreamer does for playlists
 */
export function faultsIn(requests: readonly SeenRequest[], token: string, refers = false): string[] {
  const entry = /^\/(?:hls\/live\/cam\/index\.m3u8|dash\/live\/cam\/manifest\.mpd)\?token=/;
  const below = /^\/(?:hls|dash)\/~1[^/]+\/live\/cam\/[^?]*(?:\?_HLS_[^&]*(?:&_HLS_[^&]*)*)?$/;
  const own = /^\/(?:healthz|favicon\.ico)$/;
  return requests
    .filter(({ url, referer, status }) => {
      if (!refers && (referer?.includes(token) || referer?.includes('~1'))) return true;
      if (own.test(url)) return false;
      // Hinted parts may not come, and media may leave the window; no other request may be refused.
      return !(entry.test(url) || (below.test(url) && !url.includes(token))) || (status >= 400 && status !== 404);
    })
    .map(({ url, referer, status }) => `${status} ${url} from ${referer}`);
}

const HLS_JS: Player = {
  name: 'hls.js',
  protocol: 'hls',
  script: createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js'),
  play: `
    const player = new Hls({ lowLatencyMode: true });
    player.on('hlsError', (_, { fatal, details }) => fatal && note(details));
    player.loadSource(url);
    player.attachMedia(video);
    await video.play();`,
};

export const BROWSER_PLAYERS: readonly Player[] = [HLS_JS, SHAKA_HLS, SHAKA_DASH, DASH_JS];

/** Plays this many seconds of media. @returns the problems */
export async function playInBrowser(browser: Browser, base: string, url: string, player: Player, seconds: number) {
  const page = await openPlayer(browser, `${base}/healthz`, url, player);
  const shows = (time: string) =>
    page.waitForFunction(`seen.errors.length > 0 || document.querySelector('video').currentTime > ${time}`, undefined, {
      timeout: 60_000 + 2_000 * seconds,
    });
  await shows('0');
  const start = Number(await page.evaluate('document.querySelector("video").currentTime'));
  await shows(String(start + seconds));
  const { errors } = (await page.evaluate('seen')) as { errors: string[] };
  await page.context().close();
  return errors;
}

export interface NativePlayer {
  readonly name: string;
  readonly command: string;
  readonly args: (url: string) => readonly string[];
  readonly protocol: 'hls' | 'dash';
}

const decode = (url: string): readonly string[] => ['-v', 'error', '-i', url, '-c', 'copy', '-f', 'null', '-'];
const vlc = (url: string): readonly string[] => ['-I', 'dummy', '--vout', 'dummy', '--aout', 'dummy', url];

export const NATIVE_PLAYERS: readonly NativePlayer[] = [
  { name: 'FFmpeg 5.1', command: DEBIAN_FFMPEG, args: decode, protocol: 'hls' },
  { name: 'FFmpeg 7.0', command: npmFfmpeg(), args: decode, protocol: 'hls' },
  {
    name: 'mpv',
    command: '/usr/bin/mpv',
    args: (url) => ['--no-config', '--vo=null', '--ao=null', url],
    protocol: 'hls',
  },
  { name: 'VLC', command: '/usr/bin/vlc', args: vlc, protocol: 'hls' },
  { name: 'VLC, DASH', command: '/usr/bin/vlc', args: vlc, protocol: 'dash' },
  {
    name: 'GStreamer',
    command: GSTREAMER,
    args: (url) => ['-q', 'playbin', `uri=${url}`, 'video-sink=fakesink sync=true', 'audio-sink=fakesink sync=true'],
    protocol: 'hls',
  },
  {
    name: 'streamlink',
    command: '/usr/bin/streamlink',
    args: (url) => ['--quiet', '--stdout', `hls://${url}`, 'best'],
    protocol: 'hls',
  },
];

/** Plays until this many segments were sent. Rejects if the player ends before. */
export async function playNatively({ command, args }: NativePlayer, url: string, seen: SeenRequests, segments: number) {
  // VLC refuses to run as root.
  const isRoot = command.endsWith('vlc') && process.getuid?.() === 0;
  const prefix = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'env', 'HOME=/tmp'] : [];
  const [program = command, ...rest] = [...prefix, command, ...args(url)];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.resume();
  child.stderr.on('data', (text) => (said = (said + String(text)).slice(-2_000)));
  const ended = new AbortController();
  const exited = once(child, 'exit').finally(() => ended.abort());
  onTestFinished(() => void child.kill('SIGKILL'));
  try {
    await seen.whenSent(segments, ended.signal);
  } catch (error) {
    throw new Error(`${command}: ${said}`, { cause: error });
  }
  child.kill('SIGKILL');
  await exited;
}
