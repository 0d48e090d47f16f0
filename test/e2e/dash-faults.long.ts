// Faults behind an MPEG-DASH manifest: Shaka Player must recover as HLS players do. `npm run long -- dash-faults`
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { publishTestPattern } from '../support/gateway.js';
import { buildGateway } from '../support/gateway-process.js';
import { whenListed } from '../support/hls-client.js';
import { ffmpegChildren } from '../support/processes.js';

const SHAKA = createRequire(import.meta.url).resolve('shaka-player/dist/shaka-player.compiled.js');
/** Seconds without a new picture that do not yet count as a stall. */
const SMOOTH = 1;

interface Notes {
  /** Wall clock and presentation time, which counts from 1970, at each moment when the picture advanced. In seconds. */
  readonly sights: readonly (readonly [number, number])[];
  /** Errors that end playback: `code category data`. */
  readonly critical: readonly string[];
}

async function watch(http: string): Promise<Page> {
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${http}/`);
  await page.evaluate(await readFile(SHAKA, 'utf8'));
  await page.evaluate(`(async () => {
    shaka.polyfill.installAll();
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const player = window.player = new shaka.Player();
    await player.attach(video);
    const notes = window.notes = { sights: [], critical: [] };
    player.addEventListener('error', ({ detail }) => {
      if (detail.severity === shaka.util.Error.Severity.CRITICAL) notes.critical.push([detail.code, detail.category, detail.data].join(' '));
    });
    player.configure({ abr: { enabled: false }, streaming: { liveSync: { enabled: true } } });
    await player.load(${JSON.stringify(`${http}/dash/live/dash/manifest.mpd`)});
    await video.play();
    let last = -1;
    setInterval(() => {
      if (video.currentTime !== last) notes.sights.push([Date.now() / 1000, video.currentTime]);
      last = video.currentTime;
    }, 50);
  })()`);
  return page;
}

/** Longest time without a new picture since then, and how far the newest picture is behind the wall clock. In seconds. */
function since(from: number, { sights }: Notes): { readonly still: number; readonly behind: number } {
  const at = sights.map(([wall]) => wall).filter((wall) => wall >= from);
  const steps = [from, ...at].slice(1).map((wall, index) => wall - ([from, ...at][index] ?? wall));
  const [wall, shown] = sights.at(-1) ?? [0, 0];
  return { still: Math.max(...steps), behind: wall - shown };
}

it('plays on when the publisher returns, when encoders die, and when the gateway is killed', async () => {
  const program = await buildGateway('--ladder', 'source,180p', '--resume-window', '30');
  let gateway = await program.start();
  const { http, rtmp } = gateway;
  const publish = () => publishTestPattern(`${rtmp}/dash`, { size: '640x360', preset: 'ultrafast' });
  let publisher = publish();
  await whenListed(`${http}/hls/live/dash`, 'source', 4);
  const page = await watch(http);
  const during = async (fault: string, seconds: number, expected: { still: number }, begin: () => Promise<unknown>) => {
    const from = Date.now() / 1000;
    await begin();
    await delay(seconds * 1000);
    const notes = (await page.evaluate('notes')) as Notes;
    const seen = since(from, notes);
    process.stderr.write(`${fault}: still for ${seen.still.toFixed(1)} s, then ${seen.behind.toFixed(1)} s behind\n`);
    expect(notes.critical, fault).toEqual([]);
    expect(seen.still, fault).toBeLessThan(expected.still);
    expect(seen.behind, fault).toBeLessThan(10);
  };
  const killEncoders = async (): Promise<void> => {
    const encoders = await ffmpegChildren(gateway.pid);
    expect(encoders).not.toEqual([]);
    for (const pid of encoders) process.kill(pid, 'SIGKILL');
  };
  await during('nothing', 6, { still: SMOOTH + 1 }, async () => undefined);
  // The publisher is away for three seconds, of which there is no media.
  await during('a publisher that returns', 18, { still: 8 }, async () => {
    publisher.child.kill('SIGKILL');
    await delay(3_000);
    publisher = publish();
  });
  await during('a dead encoder, seen from the source', 12, { still: SMOOTH }, killEncoders);
  await page.evaluate(
    'player.selectVariantTrack(player.getVariantTracks().sort((a, b) => a.height - b.height)[0], true)',
  );
  await delay(8_000);
  await during('a dead encoder, seen from its rung', 16, { still: SMOOTH + 2 }, killEncoders);
  await during('a killed gateway', 30, { still: 15 }, async () => {
    gateway.child.kill('SIGKILL');
    await publisher.exit;
    gateway = await program.start();
    publisher = publish();
  });
  publisher.child.kill('SIGKILL');
});
