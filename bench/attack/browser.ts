// Plays the same stream in a real Chromium with hls.js: `waiting` events and errors show what a viewer would have noticed, with the state of the
// buffer at that time.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { launchBrowser } from '../../test/support/chromium.js';

export interface BrowserReport {
  readonly stalls: number;
  readonly errors: readonly string[];
}

export interface WatchingBrowser {
  /** Since the last call. */
  report(): Promise<BrowserReport>;
  close(): Promise<void>;
}

const START_WITHIN = 60_000;
const SETTLE = 5_000;

const page = `<!doctype html><title>attack</title><video muted autoplay playsinline></video><script src="/hls.js"></script><script>
  window.stalls = 0; window.failures = [];
  const video = document.querySelector('video');
  const hls = new Hls({ lowLatencyMode: true });
  hls.on(Hls.Events.ERROR, (_, { type, details, fatal }) => window.failures.push(type + ' ' + details + (fatal ? ' FATAL' : '')));
  hls.loadSource(new URLSearchParams(location.search).get('source'));
  hls.attachMedia(video);
  video.addEventListener('waiting', () => {
    window.stalls += 1;
    const { buffered, currentTime } = video;
    const ahead = buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - currentTime;
    window.failures.push('waits with ' + ahead.toFixed(2) + ' s buffered ahead in ' + buffered.length + ' ranges, ' + hls.latency.toFixed(2) + ' s behind live, level ' + hls.currentLevel + ', loads ' + hls.loadLevel);
  });
</script>`;

export async function watchInBrowser(source: string): Promise<WatchingBrowser> {
  const script = readFileSync(createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js'));
  const server = createServer((request, response) => {
    const isScript = request.url === '/hls.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await launchBrowser();
  const tab = await browser.newPage();
  const { port } = server.address() as AddressInfo;
  await tab.goto(`http://127.0.0.1:${port}/?${new URLSearchParams({ source })}`);
  await tab.waitForFunction('document.querySelector("video").currentTime > 0', undefined, { timeout: START_WITHIN });
  await tab.waitForTimeout(SETTLE);
  const report = () =>
    tab.evaluate(
      '(() => { const report = { stalls: window.stalls, errors: window.failures }; window.stalls = 0; window.failures = []; return report; })()',
    ) as Promise<BrowserReport>;
  await report();
  return {
    report,
    async close() {
      await browser.close();
      server.close();
    },
  };
}
