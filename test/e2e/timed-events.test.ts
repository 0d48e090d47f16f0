// Timed events in a real browser: the page around an embedded player gets each of them once, with the picture to which it belongs.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { amfObject } from '../../src/protocols/amf/values.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { startGateway } from '../support/gateway.js';
import { eventually, whenListed } from '../support/hls-client.js';
import { PATIENCE } from '../support/patience.js';
import { makeFlvSource } from '../transcode/flv-source.js';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

interface Heard {
  readonly seq: number;
  readonly name: string;
  readonly values: unknown;
  /** Milliseconds from the picture of the event to the picture that is shown. */
  readonly apart: number;
}

it('reach the page around an embedded player once, in order, with their picture', async () => {
  const { gateway, http, publishUrl } = await startGateway(
    ...['--segment-duration', '1', '--part-duration', '0.25', '--ladder', 'source', '--data-messages', '*'],
  );
  const publisher = await publishLoop(publishUrl('cam'), await makeFlvSource({ gop: 25 }));
  followStream(`${http}/hls/live/cam`);
  await whenListed(`${http}/hls/live/cam`, 'source', 1);
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const around = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<iframe src="${http}/embed/live/cam" width="480" height="270" allow="autoplay"></iframe>
    <script>
      window.heard = [];
      addEventListener('message', ({ data: { timedEvent, latency, state } }) => {
        window.state = state;
        if (timedEvent === undefined) return;
        const apart = Date.now() - latency * 1000 - Date.parse(timedEvent.date);
        heard.push({ ...timedEvent, apart });
      });
    </script>`);
  });
  around.listen(0, '127.0.0.1');
  await once(around, 'listening');
  onTestFinished(() => void around.close());
  await page.goto(`http://127.0.0.1:${(around.address() as AddressInfo).port}/`);
  await page.waitForFunction(() => Object(globalThis).state === 'playing');
  const sent: number[] = [];
  const heard = () => page.evaluate('heard') as Promise<Heard[]>;
  for (let round = 0; round < 6; round += 1) {
    if (round % 2 === 0) publisher.send('script', encodeAmf0(['onTextData', amfObject([['round', round]])]));
    else sent.push(gateway.timedEvents.send('live', 'cam', { name: 'goal', values: { round } }).seq);
    await eventually(async () => ((await heard()).length > round ? true : undefined));
  }
  const all = await heard();
  expect(all.map(({ values }) => values)).toEqual(Array.from({ length: 6 }, (_, round) => ({ round })));
  expect(all.filter(({ name }) => name === 'goal').map(({ seq }) => seq)).toEqual(sent);
  // A busy machine shows a cue late, but never with the wrong second of the stream.
  for (const { apart } of all) expect(Math.abs(apart)).toBeLessThan(1_000);
  await publisher.stop();
});
