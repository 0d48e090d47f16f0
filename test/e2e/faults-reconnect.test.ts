// A browser plays on while its publisher leaves and comes back, again and again. FAULTS=20 for the long run.
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { eventually, whenLive } from '../support/hls-client.js';
import { holdings } from '../support/leftovers.js';
import { PATIENCE } from '../support/patience.js';
import { type ParsedSegment, PlaylistChecker } from '../support/playlist-checker.js';
import { PlaylistFollower } from '../support/playlist-follower.js';
import { longRun, seededRandom, tell, times } from './fault-runs.js';
import { untilSeen, type Viewer, watchPage, watchPlain } from './viewer.js';

const ROUNDS = times(2);
/** Milliseconds, `--segment-duration` of the gateway. */
const SEGMENT = 2_000;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** Waits until this rendition lists the beginning of its period number `period`, 0 for the first. */
function beginning(follower: PlaylistFollower, period: number): Promise<ParsedSegment> {
  return eventually(async () => {
    follower.check();
    const { segments = [] } = follower.last ?? {};
    if (period === 0) return segments[0];
    return segments.find(({ discontinuity, discontinuityNumber }) => discontinuity && discontinuityNumber === period);
  }, PATIENCE);
}

const LADDERS = [
  ['source', ['source', 'audio'], 7],
  ['source,144p', ['source', '144p', 'audio'], 11],
] as const;

// The short form has only the first one: with an encoder beside two browsers, the second one once failed on a busy machine.
it.each(longRun ? LADDERS : LADDERS.slice(0, 1))(
  'A8.05 B1.03 players go on by themselves with every return of the publisher, ladder %s',
  {
    timeout: 2 * PATIENCE + ROUNDS * PATIENCE,
  },
  async (ladder, renditions, seed) => {
    const random = seededRandom(seed);
    const playtime = () => (longRun ? 1_000 + 9_000 * random() : 1_500);
    const before = await holdings();
    const gateway = await startGateway('--ladder', ladder, '--resume-window', '60');
    const base = `${gateway.http}/hls/live/main`;
    const publish = () => {
      const pattern = { size: '320x180', preset: 'ultrafast', gop: 50, stoppable: true };
      return publishTestPattern(gateway.publishUrl('main'), pattern);
    };
    // A part that was hinted at does not come if its publisher leaves.
    const checker = new PlaylistChecker({ frame: 0.042, irregular: true });
    let publisher = publish();
    await whenLive(base);
    const onVersion = (rendition: string, text: string) => {
      checker.add(rendition, text);
      checker.checkAlignment();
    };
    const followers = renditions.map((name) => new PlaylistFollower(base, name, { onVersion }));
    const [source] = followers;
    if (source === undefined) throw new Error('no rendition');
    const viewers: Viewer[] = [
      await watchPage(browser, gateway.http, 'main'),
      await watchPlain(browser, gateway.http, 'main'),
    ];
    const first = await beginning(source, 0);
    for (const viewer of viewers) await untilSeen(viewer, first.programDateTime ?? 0, PATIENCE);

    const resumed: { media: number; clock: number }[][] = viewers.map(() => []);
    for (let round = 1; round <= ROUNDS; round += 1) {
      // Some time after all viewers have seen it. Every other publisher stops cleanly.
      await delay(playtime());
      const killed = round % 2 === 1;
      if (killed) publisher.child.kill('SIGKILL');
      else publisher.child.stdin?.end('q');
      expect(await publisher.exit).toEqual(killed ? { code: null, signal: 'SIGKILL' } : { code: 0, signal: null });
      await delay(3_000 * random() ** 2);
      publisher = publish();
      const period = await beginning(source, round);
      const date = period.programDateTime ?? Number.NaN;
      const seen = await Promise.all(viewers.map((viewer) => untilSeen(viewer, date, PATIENCE)));
      for (const [index, sight] of seen.entries()) {
        resumed[index]?.push({ media: Math.round(sight.date - date), clock: sight.at - date });
      }
    }

    for (const follower of followers) await follower.stop();
    const notes = await Promise.all(viewers.map((viewer) => viewer.notes()));
    const refusals = viewers.map((viewer) => viewer.refusals);
    await browser.contexts().reduce((all, context) => all.then(() => context.close()), Promise.resolve());
    await gateway.close();
    publisher.child.kill('SIGKILL');
    await publisher.exit;
    tell(`reconnect ${ladder}`, {
      resumed,
      worst: resumed.map((each) => Math.max(...each.map(({ clock }) => clock))),
      fatal: notes.map(({ fatal }) => fatal),
      errors: notes.map(({ errors }) => errors.map(({ text }) => text.split(' ')[0])),
      states: notes.map(({ states }) => states.map(({ state }) => state)),
      refusals,
      versions: followers.map(({ rendition, versions }) => [rendition, versions.length]),
    });

    for (const { fatal } of notes) expect(fatal).toEqual([]);
    expect(notes[0]?.states.map(({ state }) => state)).not.toContain('reconnecting');
    // By media time; the time by the clock also depends on the machine, and is shown by the long run.
    for (const { media } of resumed.flat()) expect(media).toBeLessThan(SEGMENT);
    expect(gateway.errors()).toEqual([]);
    // Keep-alive connections of this test's own requests close by themselves.
    await eventually(async () => {
      const now = await holdings();
      const left =
        now.ffmpegs + Math.max(0, now.descriptors - before.descriptors) + Math.max(0, now.timers - before.timers);
      return left === 0 ? true : undefined;
    }).catch(async () => expect(await holdings()).toEqual(before));
  },
);
