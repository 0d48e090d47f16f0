// Third-party players with a viewer's link, a minute each: `npm run long -- ticket-players`. PLAY_SECONDS for another time.
import { expect, it, onTestFinished } from 'vitest';
import { createPlayToken } from '../../src/access/tickets/play-token.js';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { startGateway } from '../support/gateway.js';
import { eventually } from '../support/hls-client.js';
import { PLAY_SECRET } from '../support/protected-viewing.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import {
  BROWSER_PLAYERS,
  faultsIn,
  NATIVE_PLAYERS,
  playInBrowser,
  playNatively,
  watchRequests,
} from './ticket-players.js';

const SECONDS = Number(process.env.PLAY_SECONDS ?? 60);
const LONGEST = (SECONDS + 120) * 2_000;
const URLS = { hls: '/hls/live/cam/index.m3u8', dash: '/dash/live/cam/manifest.mpd' };
const keys = new SigningKeys([Buffer.from(PLAY_SECRET)]);

async function openProtected() {
  const gateway = await startGateway('--play-access', 'token', '--play-secrets', PLAY_SECRET, '--ladder', 'source');
  await publishLoop(gateway.publishUrl('cam'), await makeFlvSource({ seconds: 4, gop: 25 }));
  const until = Math.floor(Date.now() / 1000) + 3_600;
  const token = createPlayToken({ stream: 'live/cam', until, sid: 'a-viewer' }, keys);
  const entry = `${gateway.http}${URLS.hls}?token=${token}`;
  await eventually(async () => ((await fetch(entry)).ok ? true : undefined));
  const ticket = /\.\.\/\.\.\/(~[^/]+)\//.exec(await (await fetch(entry)).text())?.[1];
  followStream(`${gateway.http}/hls/${ticket}/live/cam`);
  await eventually(async () => {
    const mpd = await (await fetch(`${gateway.http}${URLS.dash}?token=${token}`)).text();
    return mpd.includes('<S ') ? true : undefined;
  });
  return { gateway, token, seen: await watchRequests(gateway.http) };
}

function report(name: string, requests: readonly { url: string }[], token: string): void {
  const proofs = requests.filter(({ url }) => url.includes(token)).length;
  process.stdout.write(`${name}: ${requests.length} requests, ${proofs} of them entries with the token\n`);
}

it.each(BROWSER_PLAYERS.map((player) => [player.name, player] as const))(
  '%s',
  async (name, player) => {
    const { token, seen } = await openProtected();
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const url = `${seen.base}${URLS[player.protocol]}?token=${token}`;
    expect(await playInBrowser(browser, seen.base, url, player, SECONDS)).toEqual([]);
    report(name, seen.requests, token);
    expect(faultsIn(seen.requests, token)).toEqual([]);
  },
  LONGEST,
);

it.each(NATIVE_PLAYERS.map((player) => [player.name, player] as const))(
  '%s',
  async (name, player) => {
    const { token, seen } = await openProtected();
    // Sound and pictures, at the default segment duration of 2 s.
    await playNatively(player, `${seen.base}${URLS[player.protocol]}?token=${token}`, seen, SECONDS);
    report(name, seen.requests, token);
    expect(faultsIn(seen.requests, token, name === 'GStreamer')).toEqual([]);
  },
  LONGEST,
);
