// The gateway is killed under its publisher and its viewers, and restarted on the same ports. FAULTS=20 kills it ten times.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { publishTestPattern } from '../support/gateway.js';
import { buildGateway } from '../support/gateway-process.js';
import { eventually, whenLive } from '../support/hls-client.js';
import { PATIENCE } from '../support/patience.js';
import { PlaylistChecker } from '../support/playlist-checker.js';
import { PlaylistFollower } from '../support/playlist-follower.js';
import { ffmpegChildren, type RunningProgram } from '../support/processes.js';
import { longRun, seededRandom, tell, times } from './fault-runs.js';
import { untilSeen, watchPage, watchPlain } from './viewer.js';

const KILLS = times(1, 0.5);
const RENDITIONS = ['source', '144p', 'audio'] as const;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** The segments that one process of the gateway has listed for one rendition. */
interface Life {
  readonly names: ReadonlySet<string>;
  readonly lowest: number;
  readonly highest: number;
  readonly discontinuities: number;
  readonly targetDuration: number;
}

it('C4.02 B1.03 after the gateway is killed and restarted, numbers continue, and players play on', {
  timeout: 3 * PATIENCE + KILLS * 2 * PATIENCE,
}, async () => {
  const random = seededRandom(3);
  const program = await buildGateway('--ladder', 'source,144p', '--resume-window', '15');
  let gateway = await program.start();
  const { http, rtmp } = gateway;
  const base = `${http}/hls/live/main`;
  let leaving = false;
  let publisher: RunningProgram | undefined;
  const encoder = async () => {
    // Retries like encoders until the server is up.
    while (!leaving) {
      publisher = publishTestPattern(`${rtmp}/main`, { size: '320x180', preset: 'ultrafast', gop: 50 });
      await publisher.exit;
      await delay(200);
    }
  };
  const encoding = encoder();
  await whenLive(base);
  const own = await watchPage(browser, http, 'main');
  const plain = await watchPlain(browser, http, 'main', { reloads: true });
  for (const viewer of [own, plain]) await untilSeen(viewer, 0, PATIENCE);

  const lives: Map<string, Life>[] = [];
  const back: { own: number; plain: number }[] = [];
  for (let round = 0; round <= KILLS; round += 1) {
    const checker = new PlaylistChecker({ frame: 0.042 });
    const followers = RENDITIONS.map(
      (name) =>
        new PlaylistFollower(base, name, {
          onVersion: (rendition, text) => {
            checker.add(rendition, text);
            checker.checkAlignment();
          },
        }),
    );
    const began = await eventually(async () => {
      for (const follower of followers) follower.check();
      return followers[0]?.last?.segments.at(0)?.programDateTime;
    }, PATIENCE);
    const seen = await Promise.all([own, plain].map((viewer) => untilSeen(viewer, began, PATIENCE)));
    if (round > 0) back.push({ own: (seen[0]?.at ?? 0) - began, plain: (seen[1]?.at ?? 0) - began });
    await delay(longRun ? 2_000 + 3_000 * random() : 500);
    for (const follower of followers) await follower.stop();
    lives.push(new Map(followers.map((follower) => [follower.rendition, lifeOf(follower, checker)])));
    if (round === KILLS) break;

    const orphans = await ffmpegChildren(gateway.pid);
    gateway.child.kill('SIGKILL');
    await once(gateway.child, 'exit');
    await delay(1_000 * random());
    gateway = await program.start();
    expect({ http: gateway.http, rtmp: gateway.rtmp }).toEqual({ http, rtmp });
    await eventually(async () => {
      const alive = await Promise.all(orphans.map(async (pid) => isAlive(pid)));
      return alive.includes(true) ? undefined : true;
    });
    // Requests wait until the encoder is back, and no player gets an answer that the stream has ended.
    const statuses: number[] = [];
    await eventually(async () => {
      statuses.push((await fetch(`${base}/source/index.m3u8`)).status);
      return statuses.at(-1) === 200 ? true : undefined;
    }, PATIENCE);
    expect(statuses).not.toContain(404);
  }
  leaving = true;
  publisher?.child.kill('SIGKILL');
  await encoding;

  const notes = await Promise.all([own, plain].map((viewer) => viewer.notes()));
  tell('gateway killed', {
    back,
    fatal: notes.map(({ fatal }) => fatal.map(({ text }) => text)),
    states: notes[0]?.states.map(({ state }) => state),
    refusals: [own.refusals, plain.refusals],
    lives: lives.map((life) =>
      [...life].map(([name, { lowest, highest, discontinuities }]) => [name, lowest, highest, discontinuities]),
    ),
  });
  for (const [index, life] of lives.entries()) {
    for (const [rendition, later] of life) {
      for (const earlier of lives.slice(0, index).map((each) => each.get(rendition))) {
        if (earlier === undefined) throw new Error(`no ${rendition}`);
        expect(later.lowest).toBeGreaterThan(earlier.highest);
        expect(later.discontinuities).toBeGreaterThanOrEqual(earlier.discontinuities);
        expect(later.targetDuration).toBe(earlier.targetDuration);
        expect([...later.names].filter((name) => earlier.names.has(name))).toEqual([]);
      }
    }
  }
  for (const { refusals } of [own, plain]) expect(refusals.filter((each) => /^404 .*m3u8/.test(each))).toEqual([]);
  const [, ofPlain] = notes;
  // Errors from which a player cannot recover by loading again.
  expect(ofPlain?.fatal.filter(({ text }) => !/LoadError|LoadTimeOut/.test(text))).toEqual([]);
});

function lifeOf(follower: PlaylistFollower, checker: PlaylistChecker): Life {
  const { versions, rendition } = follower;
  const segments = checker.segments(rendition);
  const playlists = versions.map(({ playlist }) => playlist);
  const names = playlists.flatMap(({ segments: listed, openParts }) => [
    ...listed.flatMap(({ uri, map, parts }) => [uri, map ?? uri, ...parts.map((part) => part.uri)]),
    ...openParts.map((part) => part.uri),
  ]);
  return {
    names: new Set(names),
    lowest: Math.min(...segments.keys()),
    highest: Math.max(...segments.keys()),
    discontinuities: Math.max(...[...segments.values()].map(({ discontinuityNumber }) => discontinuityNumber)),
    targetDuration: playlists[0]?.targetDuration ?? Number.NaN,
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
