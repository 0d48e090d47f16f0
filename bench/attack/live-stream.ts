// The stream that must not be disturbed: a real encoder with the key, a player that counts parts, and a browser.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BrowserReport, WatchingBrowser } from './browser.js';
import { pictureArguments } from './media.js';
import { sleep } from './peer.js';
import type { ProbeReport } from './prober.js';
import type { WatcherReport } from './watcher.js';

export interface LiveReport {
  readonly player: WatcherReport;
  readonly browser: BrowserReport | undefined;
  /** Whether the encoder is still connected. */
  readonly publishing: boolean;
}

export interface LiveStreamSetup {
  readonly ffmpeg: string;
  /** `rtmp://…/live/NAME?key=…` */
  readonly publishUrl: string;
  /** `http://…/hls/live/NAME` */
  readonly playUrl: string;
  /** Requested continuously. */
  readonly probeUrl: string;
  readonly withBrowser: boolean;
}

const STARTS_WITHIN = 30_000;

export class LiveStreamUnderWatch {
  readonly #encoder: ChildProcess;
  readonly #player: ChildProcess;
  readonly #prober: ChildProcess;
  #browser: WatchingBrowser | undefined;
  #encoderErrors = '';

  static async start(setup: LiveStreamSetup): Promise<LiveStreamUnderWatch> {
    const encoder = spawn(
      setup.ffmpeg,
      [...pictureArguments({ size: '640x360', seconds: Number.POSITIVE_INFINITY }, true), setup.publishUrl],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    try {
      await playable(`${setup.playUrl}/source/index.m3u8`);
    } catch (error) {
      encoder.kill('SIGKILL');
      throw error;
    }
    const player = fork(fileURLToPath(new URL('./watcher.js', import.meta.url)), [`${setup.playUrl}/source`], {
      execArgv: [],
    });
    const prober = fork(fileURLToPath(new URL('./prober.js', import.meta.url)), [setup.probeUrl], { execArgv: [] });
    const stream = new LiveStreamUnderWatch(encoder, player, prober);
    if (setup.withBrowser) {
      const { watchInBrowser } = await import('./browser.js');
      stream.#browser = await watchInBrowser(`${setup.playUrl}/index.m3u8`);
    }
    return stream;
  }

  private constructor(encoder: ChildProcess, player: ChildProcess, prober: ChildProcess) {
    this.#encoder = encoder;
    this.#player = player;
    this.#prober = prober;
    encoder.stderr?.on('data', (text) => {
      this.#encoderErrors = (this.#encoderErrors + String(text)).slice(-2000);
    });
  }

  get encoderErrors(): string {
    return this.#encoderErrors;
  }

  /** Figures since the last report. */
  async report(): Promise<LiveReport> {
    const answer = once(this.#player, 'message');
    this.#player.send('report');
    const [player] = (await answer) as [WatcherReport];
    const browser = await this.#browser?.report();
    return { player, browser, publishing: this.#encoder.exitCode === null && this.#encoder.signalCode === null };
  }

  /** Starts a new measurement of response times. */
  resetProbe(): void {
    this.#prober.send('reset');
  }

  /** The response times since `resetProbe`. */
  async probe(): Promise<ProbeReport> {
    const answer = once(this.#prober, 'message');
    this.#prober.send('report');
    const [report] = (await answer) as [ProbeReport];
    return report;
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    this.#player.kill('SIGKILL');
    this.#prober.kill('SIGKILL');
    // While data flows FFmpeg reacts to no other signal.
    this.#encoder.kill('SIGKILL');
  }
}

async function playable(url: string): Promise<void> {
  const until = Date.now() + STARTS_WITHIN;
  for (;;) {
    const response = await fetch(url);
    const text = await response.text();
    if (response.ok && text.includes('#EXTINF')) return;
    if (Date.now() > until) throw new Error(`${url}: ${response.status} ${text.slice(0, 200)}`);
    await sleep(200);
  }
}
