// A replacement for the HLS module with prepared answers, so that these tests see only what HTTP does with them.

import { defineErrors } from '../../../src/protocols/errors.js';
import type { AppDependencies } from '../../../src/servers/http/app.js';
import type {
  DeliveryDirectives,
  HlsOrigin,
  OriginAnswer,
  StreamState,
} from '../../../src/servers/http/dependencies.js';

export const fakeError = defineErrors({
  'fake.not-live': { kind: 'unavailable', summary: 'no such stream' },
  'fake.bad-directive': { kind: 'invalid-data', summary: 'bad directive' },
});

export const NOT_LIVE: OriginAnswer = { status: 404, error: fakeError('fake.not-live', 'stream is not live') };

export const LIVE_STREAM: StreamState = {
  app: 'live',
  name: 'demo',
  state: 'live',
  startedAt: '2026-01-02T03:04:05.000Z',
  source: {
    video: { codec: 'avc1.64001f', width: 1280, height: 720, frameRate: 30 },
    audio: { codec: 'mp4a.40.2', sampleRate: 48000, channels: 2 },
  },
  renditions: [
    { name: 'source', width: 1280, height: 720, frameRate: 30, codecs: 'avc1.64001f', bandwidth: 3_000_000 },
  ],
  viewers: 3,
  ingest: { bitrate: 3_100_000, bytes: 12_345 },
};

export interface OriginCall {
  readonly method: keyof HlsOrigin;
  readonly names: readonly string[];
  readonly directives?: DeliveryDirectives;
  readonly signal: AbortSignal;
}

/** Answers every call with `respond` and records the calls. */
export class FakeOrigin implements HlsOrigin {
  readonly calls: OriginCall[] = [];
  respond: (call: OriginCall) => OriginAnswer | Promise<OriginAnswer> = () => NOT_LIVE;
  /** Returns nothing unless a test sets it: then all requests call the other methods. */
  inMemory: NonNullable<HlsOrigin['inMemory']> = () => undefined;

  async multivariant(app: string, name: string, signal: AbortSignal): Promise<OriginAnswer> {
    return this.#answer({ method: 'multivariant', names: [app, name], signal });
  }

  async mediaPlaylist(
    app: string,
    name: string,
    rendition: string,
    directives: DeliveryDirectives,
    signal: AbortSignal,
  ): Promise<OriginAnswer> {
    return this.#answer({ method: 'mediaPlaylist', names: [app, name, rendition], directives, signal });
  }

  async file(
    app: string,
    name: string,
    rendition: string,
    file: string,
    signal: AbortSignal,
    directives?: DeliveryDirectives,
  ): Promise<OriginAnswer> {
    const names = [app, name, rendition, file];
    return this.#answer({ method: 'file', names, signal, ...(directives && { directives }) });
  }

  async #answer(call: OriginCall): Promise<OriginAnswer> {
    this.calls.push(call);
    return this.respond(call);
  }
}

export function fakeDependencies(changes: Partial<AppDependencies> = {}): AppDependencies & { origin: FakeOrigin } {
  const streams = [LIVE_STREAM];
  return {
    streams: {
      list: () => streams,
      get: (app, name) => streams.find((stream) => stream.app === app && stream.name === name),
    },
    health: { ready: () => ({ ready: true, reasons: [] }) },
    rtmpPort: () => 1935,
    metricsPolicy: 'public',
    ...changes,
    origin: new FakeOrigin(),
  };
}
