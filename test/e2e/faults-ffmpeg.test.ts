// FFmpeg dies while browsers play the source and an encoded rendition. FAULTS=20 kills it fifty times.
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { eventually, whenLive } from '../support/hls-client.js';
import { PATIENCE, REAL_TIME, TEST_TIMEOUT } from '../support/patience.js';
import { PlaylistChecker } from '../support/playlist-checker.js';
import { PlaylistFollower } from '../support/playlist-follower.js';
import { seededRandom, tell, times } from './fault-runs.js';
import { longestStandstill, untilSeen, type ViewerNotes, watchPage, watchPlain } from './viewer.js';

const KILLS = times(3, 2.5);
/** In milliseconds, for `--segment-duration`. */
const SEGMENT = 2_000;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

it('C4.01 FFmpeg is killed under players: the source does not stall, the rung is back within two segments', {
  ...REAL_TIME,
  timeout: TEST_TIMEOUT + KILLS * PATIENCE,
}, async () => {
  const random = seededRandom(5);
  const gateway = await startGateway('--ladder', 'source,144p');
  const publisher = publishTestPattern(gateway.publishUrl('main'), { size: '320x180', preset: 'ultrafast', gop: 50 });
  const base = `${gateway.http}/hls/live/main`;
  await whenLive(base);
  const checker = new PlaylistChecker({ frame: 0.042 });
  const onVersion = (rendition: string, text: string) => checker.add(rendition, text);
  const [source, rung] = ['source', '144p'].map((name) => new PlaylistFollower(base, name, { onVersion }));
  if (source === undefined || rung === undefined) throw new Error('no followers');
  const onSource = await watchPlain(browser, gateway.http, 'main', { rendition: 'source' });
  const onRung = await watchPlain(browser, gateway.http, 'main', { rendition: '144p' });
  const ownOnRung = await watchPage(browser, gateway.http, 'main', '144p');
  // Until all viewers have reached the live edge.
  const began = Date.now();
  for (const viewer of [onSource, onRung, ownOnRung]) await untilSeen(viewer, began, PATIENCE);

  const recoveries: { killed: number; gaps: number; listed: number; seen: number; own: number; late: number }[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const pid = await eventually(async () => {
      const started = gateway.logs.filter(({ msg }) => msg === 'FFmpeg started');
      return started.length > kill ? Number(started.at(-1)?.ffmpegPid) : undefined;
    });
    checker.expectBrokenHint();
    const killed = Date.now();
    const lastBefore = (rung.last?.mediaSequence ?? 0) + (rung.last?.segments.length ?? 0) - 1;
    process.kill(pid, 'SIGKILL');
    const back = await eventually(async () => {
      rung.check();
      const fresh = rung.last?.segments.filter(({ mediaSequence }) => mediaSequence > lastBefore) ?? [];
      const gaps = fresh.filter(({ gap }) => gap).length;
      return fresh.at(-1)?.gap === false && (gaps > 0 || fresh.length > 1)
        ? { gaps, segment: fresh.at(-1) }
        : undefined;
    });
    const listed = Date.now() - killed;
    const date = back.segment?.programDateTime ?? Number.NaN;
    // Measured in segments of the playlist, because that does not depend on the load of the machine.
    const untilOwn = untilSeen(ownOnRung, date, PATIENCE).then(({ at }) => ({
      at,
      late: (rung.last?.segments.at(-1)?.mediaSequence ?? Number.NaN) - (back.segment?.mediaSequence ?? Number.NaN),
    }));
    const [plain, own] = await Promise.all([untilSeen(onRung, date, PATIENCE), untilOwn]);
    const recovery = {
      ...{ killed, gaps: back.gaps, listed, seen: plain.at - killed, own: own.at - killed },
      late: own.late,
    };
    recoveries.push(recovery);
    tell('kill', { kill, ...recovery });
    await delay(SEGMENT * random());
  }
  const ended = Date.now();
  await Promise.all([source.stop(), rung.stop()]);
  const [first, second, third] = await Promise.all([onSource.notes(), onRung.notes(), ownOnRung.notes()]);
  const state: unknown = await (await fetch(`${gateway.http}/api/v1/streams/live/main`)).json();
  const quality: unknown = await ownOnRung.page.evaluate('sluicePlayer.level');
  /** For each kill: how long the picture stood still until the next kill. */
  const standstills = (notes: ViewerNotes): number[] =>
    recoveries.map(({ killed }, kill) => longestStandstill(notes, killed, recoveries[kill + 1]?.killed ?? ended));
  const stalls = first.waits.filter((at) => at > began);
  tell('FFmpeg killed', {
    kills: KILLS,
    stallsOnSource: stalls.length,
    standstillOnSource: longestStandstill(first, began, ended),
    errorsOnSource: first.errors.map(({ text }) => text),
    gaps: recoveries.map(({ gaps }) => gaps),
    listed: recoveries.map(({ listed }) => listed),
    seen: recoveries.map(({ seen }) => seen),
    own: recoveries.map(({ own }) => own),
    late: recoveries.map(({ late }) => late),
    standstillsOnRung: standstills(second),
    standstillsOfOwn: standstills(third),
    stallsOnRung: second.waits.filter((at) => at > began).length,
    statesOfOwn: third.states.map(({ state }) => state),
    fatal: [first.fatal, second.fatal, third.fatal],
    errorsOnRung: second.errors.map(({ text }) => text),
    refusals: [onSource.refusals, onRung.refusals],
    state,
  });

  expect(first.fatal).toEqual([]);
  expect(second.fatal).toEqual([]);
  expect(third.fatal).toEqual([]);
  expect(stalls).toEqual([]);
  expect(source.versions.some(({ playlist }) => playlist.segments.some(({ gap }) => gap))).toBe(false);
  for (const { gaps, late } of recoveries) {
    expect(gaps).toBeLessThanOrEqual(2);
    expect(late).toBeLessThanOrEqual(2);
  }
  // This includes the time in which FFmpeg starts: nothing else on the rung is lost, and its viewers stay on it.
  expect(Math.max(...standstills(second), ...standstills(third))).toBeLessThanOrEqual(2 * SEGMENT);
  expect(quality).toBe('144p');
  expect(third.states.map(({ state }) => state)).not.toContain('reconnecting');
  expect(state).toMatchObject({ state: 'live', withdrawn: [], transcode: { restarts: KILLS } });
  expect(publisher.child.exitCode).toBeNull();
  expect(gateway.errors()).toEqual([]);
});
