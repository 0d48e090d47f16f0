// The pages of recordings in a real Chromium: find one, watch it again, seek in it, link to a moment, download it, on a wide and on a narrow screen.
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { expect, it, onTestFinished } from 'vitest';
import { publishLoop } from '../faults/looping-publisher.js';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { startGateway } from '../support/gateway.js';
import { eventually, whenListed } from '../support/hls-client.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';
import { makeFlvSource } from '../transcode/flv-source.js';

const axeSource = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** A directory for screenshots, to look at. */
const PICTURES = process.env.SCREENSHOTS;

it('G1.18 lists recordings, plays one, seeks, links to a moment and downloads it', async () => {
  const { gateway, http, publishUrl } = await startGateway(
    ...[
      '--ladder',
      'source',
      '--segment-duration',
      '1',
      '--part-duration',
      '0.25',
      '--record',
      'all',
      '--keep-free',
      '0',
      '--viewer-clips',
      '1GB',
    ],
  );
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const troubles: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => troubles.push(String(error)));
  const shoot = async (name: string): Promise<void> => {
    if (PICTURES !== undefined) await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  };
  const until = (condition: string): Promise<void> => expect.poll(() => page.evaluate(condition)).toBe(true);
  const findings = async (): Promise<unknown> => {
    await page.evaluate(await readFile(axeSource, 'utf8'));
    return page.evaluate('axe.run().then(({ violations }) => violations.map(({ id }) => id))');
  };
  await page.goto(`${http}/recordings`);
  await page.getByText('Nothing has been recorded yet').waitFor();
  await shoot('none');

  const publisher = await publishLoop(publishUrl('cam'), await makeFlvSource({ seconds: 4, gop: 25, size: '640x360' }));
  followStream(`${http}/hls/live/cam`);
  await whenListed(`${http}/hls/live/cam`, 'source', 6);
  const { id } = gateway.recordings.start('live', 'cam');
  await gateway.recordings.change(id, { title: 'Interview with a <b>name</b>', pinned: true });
  await page.goto(`${http}/recordings`);
  await page.getByText('Recording', { exact: true }).waitFor();
  await eventually(async () => (gateway.recordings.find(id)?.facts.duration ?? 0) > 0 || undefined);
  await page.goto(`${http}/watch/live/cam`);
  await page.getByRole('link', { name: 'Watch from the start' }).waitFor();
  await shoot('watch');
  await publisher.stop();
  await eventually(async () => (gateway.recordings.find(id)?.facts.state === 'finished' ? true : undefined));
  await page.goto(`${http}/recordings`);
  await page.getByText('1 recording,').waitFor();
  await shoot('list');

  await page.getByRole('link', { name: 'Interview with a <b>name</b>' }).click();
  await page.waitForURL(`**/recordings/${id}`);
  const time = () => page.evaluate('document.querySelector("video").currentTime') as Promise<number>;
  await page.evaluate('document.querySelector("video").play()');
  await until('document.querySelector("video").currentTime > 1');
  expect(await page.evaluate('Math.round(document.querySelector("video").duration)')).toBeGreaterThanOrEqual(5);
  await page.evaluate('document.querySelector("video").pause()');
  await page.evaluate('document.querySelector("video").currentTime = 4');
  await until('!document.querySelector("video").seeking && document.querySelector("video").readyState >= 2');
  await expect.poll(() => page.locator('#clock').textContent()).toMatch(/\d\d:\d\d:\d\d/);
  const link = await page.locator('#share').inputValue();
  expect(link).toBe(`${http}/recordings/${id}?t=4`);
  await page.keyboard.press('.');
  expect(await page.evaluate('document.querySelector("video").playbackRate')).toBe(1.5);
  await page.keyboard.press('ArrowLeft');
  await expect.poll(time).toBeLessThan(1);
  await shoot('recording');

  // Cuts a clip with the keyboard, and watches it.
  const seekTo = async (seconds: number): Promise<void> => {
    await page.evaluate(`document.querySelector("video").currentTime = ${seconds}`);
    await until('!document.querySelector("video").seeking && document.querySelector("video").readyState >= 2');
  };
  await seekTo(3.2);
  await page.keyboard.press('o');
  await seekTo(1.6);
  await page.keyboard.press('i');
  await page.getByLabel('Name', { exact: true }).fill('Goal');
  await shoot('marked');
  await page.getByRole('button', { name: 'Make the clip' }).click();
  await page.getByRole('link', { name: 'Watch the clip' }).click();
  await page.getByRole('heading', { name: 'Goal' }).waitFor();
  const [clip] = gateway.recordings.list({ limit: 1 }).recordings;
  expect(clip?.clip).toMatchObject({ of: id, skip: expect.closeTo(0.6, 1), cut: expect.closeTo(0.8, 1) });
  await until('document.querySelector("video").readyState >= 2');
  await expect.poll(time).toBeCloseTo(0.6, 1);
  await page.goBack();
  await page.getByRole('link', { name: 'Original (MP4)' }).waitFor();
  await gateway.recordings.remove(clip?.id ?? '');

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Original (MP4)' }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^cam-.*\.mp4$/);
  expect((await stat(await download.path())).size).toBeGreaterThan(10_000);

  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(link);
  await until('document.querySelector("video").currentTime >= 3.5');
  await shoot('recording-390');
  await page.goto(`${http}/recordings`);
  await page.getByText('1 recording,').waitFor();
  await shoot('list-390');
  // Nothing is cut off at the side.
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);

  expect(troubles).toEqual([]);
  expect(await findings()).toEqual([]);
  await page.goto(link);
  await page.getByRole('link', { name: 'Original (MP4)' }).waitFor();
  expect(await findings()).toEqual([]);

  await gateway.recordings.remove(id);
  await page.goto(link);
  await page.getByText('This recording does not exist any more.').waitFor();
});

it('G1.16 a clip of any moment shows exactly its picture first, as MP4 and as HLS', async () => {
  const { gateway, http, publishUrl } = await startGateway(
    ...['--ladder', 'source', '--segment-duration', '1', '--part-duration', '0.25', '--record', 'all'],
    ...['--keep-free', '0'],
  );
  const publisher = await publishLoop(publishUrl('cam'), await makeFlvSource({ seconds: 8, gop: 50, size: '640x360' }));
  await whenListed(`${http}/hls/live/cam`, 'source', 2);
  await publisher.stop();
  const { id } = await eventually(async () => gateway.recordings.list({ limit: 1 }).recordings[0]);
  await eventually(async () => (gateway.recordings.find(id)?.facts.state === 'finished' ? true : undefined));
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  /** The picture that is shown at a moment, or first. */
  const pictureAt = (seconds?: number): Promise<number[]> =>
    page.evaluate(`new Promise((resolve) => {
      const video = document.querySelector('video');
      const canvas = new OffscreenCanvas(160, 90).getContext('2d', { willReadFrequently: true });
      const look = () => {
        if (video.readyState < 2 || video.seeking) return void setTimeout(look, 20);
        canvas.drawImage(video, 0, 0, 160, 90);
        resolve([...canvas.getImageData(0, 0, 160, 90).data]);
      };
      if (${seconds} !== undefined) video.currentTime = ${seconds};
      look();
    })`);
  await page.goto(`${http}/recordings/${id}`);
  // In the second half of a GOP, among pictures that refer to later ones. Each picture lasts 40 ms.
  const asked = 1.1;
  const around: number[][] = [];
  for (const step of [-3, -2, -1, 0, 1, 2, 3]) around.push(await pictureAt(asked + step * 0.04));
  /** Distance in pictures from the requested one. The same picture may have slightly different colours when the browser decodes it in another way. */
  const stepsFrom = (picture: readonly number[]): number => {
    const distances = around.map((other) =>
      other.reduce((sum, value, i) => sum + Math.abs(value - (picture[i] ?? 0)), 0),
    );
    return distances.indexOf(Math.min(...distances)) - 3;
  };
  expect(around.map(stepsFrom)).toEqual([-3, -2, -1, 0, 1, 2, 3]);

  const clip = await gateway.recordings.clip(id, { from: asked, to: asked + 1.5, title: 'Here' });
  expect(clip.clip?.skip).toBeGreaterThan(0.5);
  await page.setContent(`<video src="${http}/vod/${clip.id}.mp4" muted preload="auto"></video>`);
  expect(stepsFrom(await pictureAt())).toBe(0);
  expect(await page.evaluate('document.querySelector("video").duration')).toBeCloseTo(1.5, 0);
  await page.goto(`${http}/recordings/${clip.id}`);
  expect(stepsFrom(await pictureAt())).toBe(0);

  const url = `${http}/vod/${clip.id}.mp4`;
  const probe = await runProgram(npmFfmpeg(), ['-v', 'warning', '-i', url, '-f', 'null', '-']);
  expect(probe.stderr).toBe('');
});
