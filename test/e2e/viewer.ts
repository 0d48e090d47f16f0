// A viewer for fault tests: a page with a player that records each picture, each stall and each error.
import type { Browser, Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { PATIENCE } from '../support/patience.js';

/** What was on the screen at one moment. */
export interface Sight {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Position of the media element, in seconds. */
  readonly time: number;
  /** EXT-X-PROGRAM-DATE-TIME of the picture, milliseconds since 1970. */
  readonly date: number;
}

export interface ViewerNotes {
  /** Only the moments at which the picture advanced. */
  readonly sights: readonly Sight[];
  /** Moments at which playback ran dry. */
  readonly waits: readonly number[];
  readonly errors: readonly { readonly at: number; readonly text: string }[];
  readonly fatal: readonly { readonly at: number; readonly text: string }[];
  /** From our own player: all its state changes. */
  readonly states: readonly { readonly at: number; readonly state: string }[];
  /** From the plain player: the last lines that hls.js logged. */
  readonly log: readonly string[];
}

/** Number of lines that hls.js logged before a missing picture. */
const LINES_TOLD = 400;

/** Written by the page, read by the test. */
const NOTEBOOK = `
  window.notes = { sights: [], waits: [], errors: [], fatal: [], states: [], log: [] };
  window.noteLine = (...words) => {
    notes.log.push(Date.now() % 1e6 + ' ' + words.join(' '));
    if (notes.log.length > 4000) notes.log.splice(0, 2000);
  };
  window.noteVideo = (video, dateOf) => {
    let last = -1;
    setInterval(() => {
      const time = video.currentTime;
      const date = dateOf();
      if (time === last || date === undefined) return;
      last = time;
      notes.sights.push({ at: Date.now(), time, date });
    }, 20);
    video.addEventListener('waiting', () => notes.waits.push(Date.now()));
    video.addEventListener('error', () => notes.fatal.push({ at: Date.now(), text: String(video.error?.message) }));
  };
`;

export interface Viewer {
  readonly page: Page;
  /** Answers with a status of 400 or above, as \`status path\`. */
  readonly refusals: string[];
  notes(): Promise<ViewerNotes>;
}

async function openViewer(browser: Browser): Promise<Viewer> {
  const context = await browser.newContext({ viewport: { width: 640, height: 360 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const refusals: string[] = [];
  page.on('response', (response) => {
    if (response.status() >= 400) refusals.push(`${response.status()} ${new URL(response.url()).pathname}`);
  });
  await page.addInitScript(NOTEBOOK);
  return { page, refusals, notes: () => page.evaluate('notes') as Promise<ViewerNotes> };
}

/**
 * The page of the product.
 * @param quality chosen in its menu, and kept
 */
export async function watchPage(browser: Browser, http: string, name: string, quality?: string): Promise<Viewer> {
  const viewer = await openViewer(browser);
  await viewer.page.goto(`${http}/watch/live/${name}`);
  if (quality !== undefined) await chooseQuality(viewer.page, quality);
  await viewer.page.evaluate(`(() => {
    const video = document.querySelector('video');
    noteVideo(video, () => sluicePlayer.latency === undefined ? undefined : Date.now() - sluicePlayer.latency * 1000);
    const note = () => notes.states.push({ at: Date.now(), state: video.dataset.state });
    note();
    new MutationObserver(note).observe(video, { attributeFilter: ['data-state'] });
  })()`);
  return viewer;
}

async function chooseQuality(page: Page, quality: string): Promise<void> {
  await page.waitForSelector('video[data-state="playing"]', { state: 'attached', timeout: PATIENCE });
  await page.hover('.player');
  await page.click('.quality-button');
  await page.click(`[role=menuitemradio]:has-text("${quality}")`);
  await page.waitForFunction((wanted) => Object(globalThis).sluicePlayer.level === wanted, quality);
}

export interface PlainOptions {
  /** The only rendition that it knows, so that it cannot switch. */
  readonly rendition?: string;
  /**
   * Whether it handles a fatal network error as hls.js documents it, by loading again, and goes to live if the playlist has left it behind.
   */
  readonly reloads?: boolean;
}

/** hls.js used as in its documentation, without our own player code. */
export async function watchPlain(
  browser: Browser,
  http: string,
  name: string,
  { rendition, reloads = false }: PlainOptions = {},
): Promise<Viewer> {
  const viewer = await openViewer(browser);
  // Any page of the same origin will do.
  await viewer.page.goto(`${http}/`);
  await viewer.page.evaluate(`(async () => {
    const { default: Hls } = await import('/assets/vendor/hls.mjs');
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const debug = Object.fromEntries(['trace', 'debug', 'log', 'info', 'warn', 'error'].map((level) => [level, noteLine]));
    const hls = window.hls = new Hls({ lowLatencyMode: true, debug });
    noteVideo(video, () => hls.playingDate?.getTime());
    hls.on(Hls.Events.ERROR, (_, data) => {
      const status = data.response?.code ?? '';
      const where = data.frag ? ' ' + data.frag.level + '/' + data.frag.sn : '';
      const text = data.details + where + ' ' + status + ' ' + (data.error?.message ?? data.reason ?? '');
      (data.fatal ? notes.fatal : notes.errors).push({ at: Date.now(), text });
      if (data.fatal && ${reloads} && data.type === Hls.ErrorTypes.NETWORK_ERROR) setTimeout(() => hls.startLoad(), 500);
    });
    // hls.js 1.7.4 that switches levels after an error looks for the successor of its last fragment. If the new playlist has none, because
    // it begins later and with another discontinuity, hls.js neither loads nor seeks, and reports no error.
    hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => {
      const lost = ${reloads} && video.readyState > 0 && video.currentTime < details.fragmentStart;
      if (lost && hls.liveSyncPosition !== null) video.currentTime = hls.liveSyncPosition;
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      const wanted = ${JSON.stringify(rendition ?? null)};
      const others = hls.levels.filter(({ uri }) => wanted !== null && !uri.includes('/' + wanted + '/'));
      for (const level of others) hls.removeLevel(hls.levels.indexOf(level));
      void video.play();
    });
    hls.loadSource(${JSON.stringify(`${http}/hls/live/${name}/index.m3u8`)});
    hls.attachMedia(video);
  })()`);
  return viewer;
}

/**
 * Waits until a picture of this date or a later one has been seen. Pictures seen before that date do not count: what a player believes
 * about dates while it has lost the playlist may be wrong.
 */
export async function untilSeen({ page }: Viewer, date: number, withinMs: number): Promise<Sight> {
  const seen = (await page.evaluate(`new Promise((resolve) => {
    const givesUp = Date.now() + ${withinMs};
    const look = () => {
      const sight = notes.sights.find(({ at, date }) => date >= ${date} && at >= ${date});
      if (sight === undefined && Date.now() < givesUp) return setTimeout(look, 50);
      resolve(sight ?? null);
    };
    look();
  })`)) as Sight | null;
  if (seen !== null) return seen;
  const { sights, log, ...notes } = (await page.evaluate('notes')) as ViewerNotes;
  const last = JSON.stringify(sights.slice(-5));
  const said = log.slice(-LINES_TOLD).join('\n');
  throw new Error(
    `no picture of ${date} within ${withinMs} ms, the last were ${last}: ${JSON.stringify(notes)}\n${said}`,
  );
}

/** Longest time without a new picture between two moments, milliseconds. */
export function longestStandstill({ sights }: ViewerNotes, from: number, to: number): number {
  const moments = [from, ...sights.map(({ at }) => at).filter((at) => at > from && at < to), to];
  return Math.max(...moments.slice(1).map((at, index) => at - (moments[index] ?? at)));
}
