// A live stream that makes a part at a steady pace and answers blocking reloads as RFC 8216bis says: what an edge has in front of it.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { defineErrors } from '../../src/protocols/errors.js';
import { buildHttpApp, type HttpApp } from '../../src/servers/http/app.js';
import type { DeliveryDirectives, HlsOrigin, OriginAnswer } from '../../src/servers/http/dependencies.js';

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

  constructor() {
    this.advance();
  }

  /** Parts made so far. */
  get parts(): number {
    return this.#parts.length;
  }

  advance(): void {
    const part = Buffer.alloc(PART_BYTES, this.#parts.length % 251);
    this.#parts.push(part);
    this.#body = Buffer.from(this.#render());
    this.readyAt.push(performance.now());
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
    await this.#made(Number(msn) * PARTS_PER_SEGMENT + Number(part), signal);
    return this.#found('media-playlist', this.#body, true);
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
    await this.#made(index, signal);
    return this.#found('part', this.#parts[index] ?? Buffer.alloc(0), waits);
  }

  #made(index: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (index >= this.parts) return;
        this.#listeners.delete(look);
        signal.removeEventListener('abort', leave);
        resolve();
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

  #found(kind: 'multivariant' | 'media-playlist' | 'part', body: Buffer, blocking: boolean): OriginAnswer {
    return { status: 200, kind, body, blocking, targetDuration: this.targetDuration };
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
  readonly http: HttpApp;
  readonly port: number;
  /** Requests that reached the origin, by target. */
  readonly requests: Map<string, number>;
}

export async function serveLiveOrigin(limits: { readonly maxWaitersPerIp?: number } = {}): Promise<ServedOrigin> {
  const live = new LiveOrigin();
  const http = buildHttpApp({
    origin: live,
    streams: { list: () => [], get: () => undefined },
    health: { ready: () => ({ ready: true, reasons: [] }) },
    ...limits,
  });
  const requests = new Map<string, number>();
  http.app.server.on('request', ({ url = '' }) => requests.set(url, (requests.get(url) ?? 0) + 1));
  http.app.server.listen({ host: '127.0.0.1', port: 0 });
  await http.app.ready();
  if (!http.app.server.listening) await once(http.app.server, 'listening');
  onTestFinished(() => http.app.close());
  return { live, http, port: (http.app.server.address() as AddressInfo).port, requests };
}
