// Runs the gateway with a test pattern that is published to it over real RTMP, as by any encoder.

import type { Config } from '../config/schema.js';
import { DemoPublisher } from '../demo/demo-publisher.js';
import type { CommandIo, ConfigDetails } from './io.js';
import { type Companion, type RunningGateway, serve } from './serve.js';

const DEMO_NAME = 'demo';

/** @returns the exit status. */
export function demo(config: Config, io: CommandIo, details: ConfigDetails = {}): Promise<number> {
  return serve(config, io, {
    ...details,
    demo: DEMO_NAME,
    companion: (running) => startPublisher(config, running),
  });
}

function startPublisher(config: Config, { gateway, urls, key, logger }: RunningGateway): Companion {
  if (gateway.ffmpeg === undefined) {
    logger.error({}, 'the demo needs FFmpeg, which draws its pictures');
    return { stop: () => Promise.resolve() };
  }
  const rtmp = new URL(urls.rtmp);
  const publisher = new DemoPublisher({
    ffmpegPath: gateway.ffmpeg.path,
    logger,
    target: {
      host: loopback(config.host),
      port: Number(rtmp.port || 1935),
      app: rtmp.pathname.slice(1),
      streamName: key === null ? DEMO_NAME : `${DEMO_NAME}?key=${key}`,
    },
  });
  publisher.start();
  return publisher;
}

/** The address at which this machine itself reaches a server that listens on `host`. */
function loopback(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
