// Keeps the demo running: connects the test pattern to the RTMP publisher, and restarts both if either ends.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../contracts/logger.js';
import { SluiceError } from '../protocols/errors.js';
import { FlvReader } from '../protocols/flv/flv-reader.js';
import type { Milliseconds } from '../protocols/units.js';
import { demoError } from './errors.js';
import { RtmpPublisher, type RtmpPublisherTarget } from './rtmp-publisher.js';
import { canDrawCaption, startTestPattern } from './test-pattern.js';

export interface DemoPublisherOptions {
  readonly ffmpegPath: string;
  readonly target: RtmpPublisherTarget;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** Delay before the first retry; doubles up to 16 times that. */
  readonly retryDelay?: Milliseconds;
}

const LAST_WORDS_BYTES = 2_048;

export class DemoPublisher {
  readonly #options: DemoPublisherOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: DemoPublisherOptions) {
    this.#options = options;
  }

  /** Publishes until {@link stop}; failures are logged and retried. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends FFmpeg and the connection, and waits for both. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { ffmpegPath, logger, retryDelay = 500 } = this.#options;
    const { signal } = this.#stop;
    const caption = await canDrawCaption(ffmpegPath, signal);
    let failures = 0;
    while (!signal.aborted) {
      const startedAt = performance.now();
      const error = await this.#publishOnce(caption);
      if (signal.aborted) return;
      // After a minute of successful publishing, earlier failures no longer count.
      failures = performance.now() - startedAt > 60_000 ? 0 : failures + 1;
      const wait = retryDelay * 2 ** Math.min(failures - 1, 4);
      logger.warn({ code: error.code, reason: error.message, retryInMilliseconds: wait }, 'demo publisher stopped');
      // Rejects if the demo is stopped, which the loop checks itself.
      await sleep(wait, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Publishes once. @returns why it ended */
  async #publishOnce(caption: boolean): Promise<SluiceError> {
    const { ffmpegPath, target, logger } = this.#options;
    const publisher = new RtmpPublisher(target);
    const abort = (): void => {
      // Errors are handled below, where the same promise is awaited.
      publisher.close().catch(() => undefined);
    };
    this.#stop.signal.addEventListener('abort', abort);
    try {
      await publisher.ready();
      logger.info({ app: target.app, stream: publicName(target.streamName) }, 'demo publisher is on air');
      return await pump(ffmpegPath, caption, publisher);
    } catch (error) {
      if (error instanceof SluiceError) return error;
      throw error;
    } finally {
      this.#stop.signal.removeEventListener('abort', abort);
      await publisher.close();
    }
  }
}

/** Runs FFmpeg and sends its output until FFmpeg or the connection ends. FFmpeg has ended when this returns. */
async function pump(ffmpegPath: string, caption: boolean, publisher: RtmpPublisher): Promise<SluiceError> {
  const child = startTestPattern(ffmpegPath, caption);
  let lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS_BYTES);
  });
  const ended = new Promise<SluiceError>((resolve) => {
    child.on('error', (error) => resolve(demoError('demo.ffmpeg', `FFmpeg did not start: ${error.message}`)));
    child.on('close', (status, signal) => {
      const how = signal === null ? `status ${status}` : signal;
      resolve(demoError('demo.ffmpeg', `FFmpeg ended with ${how}: ${lastWords.trim().split('\n').at(-1) ?? ''}`));
    });
  });
  const reader = new FlvReader();
  let broken: SluiceError | undefined;
  child.stdout.on('data', (bytes: Buffer) => {
    try {
      reader.push(bytes);
      let room = true;
      for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
        room = publisher.send(tag.type, tag.timestamp, tag.body);
      }
      if (!room) {
        child.stdout.pause();
        const resume = (): void => {
          child.stdout.resume();
        };
        publisher.drained().then(resume, resume);
      }
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      broken = error;
      child.kill('SIGKILL');
    }
  });
  const lost = publisher.closed.then(() => publisher.failure);
  const first = await Promise.race([ended, lost]);
  // Its remaining output is not needed, and on SIGTERM it would first write a trailer.
  child.kill('SIGKILL');
  child.stdout.resume();
  await ended;
  return broken ?? first;
}

function publicName(streamName: string): string {
  return streamName.split('?')[0] ?? '';
}
