// A live stream that makes parts at a steady pace and answers blocking reloads by RFC 8216bis: the origin behind an edge.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { defineErrors } from '../../src/protocols/errors.js';
import { buildHttpApp, type HttpApp } from '../../src/servers/http/app.js';
import type {
  DeliveryDirectives,
  HlsOrigin,
  HttpDependencies,
  OriginAnswer,
} from '../../src/servers/http/dependencies.js';

const standInError = defineErrors({
  'stand-in.refused': { kind: 'invalid-data', summary: 'not asked in the way of this stand-in' },
});

export const PARTS_PER_SEGMENT = 4;
export const PART_BYTES = 20_000;

export class LiveOrigin implements HlsOrigin {
  readonly targetDuration = 2;
  /** When part number n became ready, by `performance.now()`. */
  readonly readyAt: number[] = [];
  #body = Buffer.alloc(0);
  readonly #parts: Buffer[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #partBytes: number;
  #refusals = 0;

  constructor(partBytes: number) {
    this.#partBytes = partBytes;
    this.advance();
  }

  /** Number of parts made so far. */
  get parts(): number {
    return this.#parts.length;
  }

  advance(): void {
    const part = Buffer.alloc(this.#partBytes, this.#parts.length % 251);
    this.#parts.push(part);
    this.#body = Buffer.from(this.#render());
    this.readyAt.push(performance.now());
    for (const listener of [...this.#listeners]) listener();
  }

  /** All waiting requests get a 503, as if nothing new had come for three target durations. */
  refuse(): void {
    this.#refusals++;
    for (const listener of [...this.#listeners]) listener();
  }

  async multivariant(): Promise<OriginAnswer> {
    return this.#found('multivariant', Buffer.from('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/index.m3u8\n'), false);
  }

  async mediaPlaylist(
    _app: string,
    _name: string,
    _rendition: string,
    { msn, part }: DeliveryDirectives,
    signal: AbortSignal,
  ): Promise<OriginAnswer> {
    if (msn === undefined) return this.#found('media-playlist', this.#body, false);
    const isMade = await this.#made(Number(msn) * PARTS_PER_SEGMENT + Number(part), signal);
    return isMade ? this.#found('media-playlist', this.#body, true) : this.#unavailable();
  }

  async file(
    _app: string,
    _name: string,
    _rendition: string,
    file: string,
    signal: AbortSignal,
  ): Promise<OriginAnswer> {
    const index = Number(/^part-(\d+)\.m4s$/.exec(file)?.[1] ?? Number.NaN);
    if (!(index <= this.parts)) {
      return { status: 404, error: standInError('stand-in.refused', file), targetDuration: this.targetDuration };
    }
    const waits = index === this.parts;
    const isMade = await this.#made(index, signal);
    return isMade ? this.#found('part', this.#parts[index] ?? Buffer.alloc(0), waits) : this.#unavailable();
  }

  #made(index: number, signal: AbortSignal): Promise<boolean> {
    const refusals = this.#refusals;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (index >= this.parts && this.#refusals === refusals) return;
        this.#listeners.delete(look);
        signal.removeEventListener('abort', leave);
        resolve(index < this.parts);
      };
      const leave = (): void => {
        this.#listeners.delete(look);
        reject(new Error('the last client left'));
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#listeners.add(look);
      look();
    });
  }

  #found(kind: 'multivariant' | 'media-playlist' | 'part', body: Buffer, isFinal: boolean): OriginAnswer {
    return { status: 200, kind, body, isFinal, targetDuration: this.targetDuration };
  }

  #unavailable(): OriginAnswer {
    const error = standInError('stand-in.refused', 'nothing new');
    return { status: 503, error, targetDuration: this.targetDuration };
  }

  #render(): string {
    const first = Math.max(0, this.parts - 3 * PARTS_PER_SEGMENT);
    const lines = ['#EXTM3U', '#EXT-X-VERSION:9', '#EXT-X-TARGETDURATION:2', '#EXT-X-PART-INF:PART-TARGET=0.5'];
    for (let index = first; index < this.parts; index++) {
      lines.push(`#EXT-X-PART:DURATION=0.5,URI="part-${index}.m4s"`);
    }
    lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-${this.parts}.m4s"`, '');
    return lines.join('\n');
  }
}

export interface ServedOrigin {
  readonly live: LiveOrigin;
  readonly port: number;
  /** Requests of edges that reached the origin, by target. Each names the viewer for whom it is made. */
  readonly requests: Map<string, number>;
  /**
   * Breaks every connection and accepts no new ones.
   * @returns a function that starts it again at the same port
   */
  stop(): Promise<() => Promise<void>>;
}

/** Who may watch; by default everybody. */
type Protection = Pick<HttpDependencies, 'access' | 'edges'>;

async function listen(
  live: LiveOrigin,
  requests: Map<string, number>,
  port: number,
  protection: Protection,
): Promise<HttpApp> {
  const http = buildHttpApp({
    ...protection,
    origin: live,
    streams: { list: () => [], get: () => undefined },
    health: { ready: () => ({ ready: true, reasons: [] }) },
  });
  http.app.server.on('request', ({ url = '', headers }) => {
    if (headers['x-forwarded-for'] !== undefined) requests.set(url, (requests.get(url) ?? 0) + 1);
  });
  await http.app.ready();
  http.app.server.listen({ host: '127.0.0.1', port });
  if (!http.app.server.listening) await once(http.app.server, 'listening');
  return http;
}

export async function serveLiveOrigin({
  partBytes = PART_BYTES,
  protection = {},
}: {
  readonly partBytes?: number;
  readonly protection?: Protection;
} = {}): Promise<ServedOrigin> {
  const live = new LiveOrigin(partBytes);
  const requests = new Map<string, number>();
  let http = await listen(live, requests, 0, protection);
  const { port } = http.app.server.address() as AddressInfo;
  onTestFinished(() => http.app.close());
  const stop = async (): Promise<() => Promise<void>> => {
    const { server } = http.app;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    return async () => {
      http = await listen(live, requests, port, protection);
    };
  };
  return { live, port, requests, stop };
}
