// What viewers in a real Chromium see while a slate replaces the broadcaster: the slate, a note about it, and then the stream again.
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

async function redPicture(): Promise<string> {
  const file = join(await temporaryDirectory(), 'away.png');
  await runProgram(npmFfmpeg(), [
    ...['-loglevel', 'error', '-nostdin', '-f', 'lavfi', '-i', 'color=red:size=320x180', '-frames:v', '1', file],
  ]);
  return file;
}

async function open(browser: Browser, address: string): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(address);
  return page;
}

/** Resolves when the middle of the picture has that colour. */
const untilShown = (page: Page, color: 'red' | 'blue') =>
  page.waitForFunction((wanted) => {
    const { document, OffscreenCanvas } = Object(globalThis);
    const video = document.querySelector('video');
    if (video.readyState < 2) return false;
    const canvas = new OffscreenCanvas(1, 1).getContext('2d');
    canvas.drawImage(video, 0, 0, 1, 1);
    const [red, , blue] = canvas.getImageData(0, 0, 1, 1).data;
    return wanted === (red > blue ? 'red' : 'blue');
  }, color);

const note = (page: Page) => page.locator('.away-note');

it('shows the slate with a note to current and new viewers, and removes the note when the broadcaster returns', {
  timeout: 150_000,
}, async () => {
  const gateway = await startGateway(
    ...['--ladder', 'source', '--segment-duration', '1', '--resume-window', '120', '--slate', await redPicture()],
  );
  const publish = () =>
    publishTestPattern(gateway.publishUrl('cam'), {
      ...{ videoSource: 'color=c=blue:size=320x180:rate=25', gop: 25, preset: 'ultrafast' },
    });
  const first = publish();
  followStream(`${gateway.http}/hls/live/cam`);
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const watching = await open(browser, `${gateway.http}/watch/live/cam`);
  await untilShown(watching, 'blue');
  await note(watching).waitFor({ state: 'hidden' });

  first.child.kill('SIGKILL');
  await first.exit;
  await untilShown(watching, 'red');
  await note(watching).waitFor({ state: 'visible' });
  expect(await note(watching).textContent()).toBe('The broadcaster is away');
  expect(await watching.textContent('#badge')).toBe('Away');
  expect(await watching.evaluate('[sluicePlayer.state, sluicePlayer.resuming, sluicePlayer.away]')).toEqual([
    ...['playing', false, true],
  ]);

  const coming = await open(browser, `${gateway.http}/embed/live/cam`);
  await untilShown(coming, 'red');
  await note(coming).waitFor({ state: 'visible' });

  publish();
  for (const page of [watching, coming]) {
    await untilShown(page, 'blue');
    await note(page).waitFor({ state: 'hidden' });
    expect(await page.evaluate('[sluicePlayer.state, sluicePlayer.away]')).toEqual(['playing', false]);
  }
  expect(await watching.textContent('#badge')).toBe('Live');
  expect(gateway.errors()).toEqual([]);
});
