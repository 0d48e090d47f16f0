// A low-latency player without a screen, in its own process so that the attackers do not delay it: it follows parts by blocking reload, and
// counts a stall if a part comes later than a player with PART-HOLD-BACK would need it.
import { setTimeout as delay } from 'node:timers/promises';

export interface WatcherReport {
  readonly parts: number;
  readonly stalls: number;
  /** Longest time between the arrivals of two parts, minus the duration of the first. Milliseconds. */
  readonly worstLateness: number;
  /** Total duration of stalls. Milliseconds. */
  readonly stalled: number;
  readonly errors: readonly string[];
}

interface Part {
  readonly uri: string;
  readonly seconds: number;
}

const MAX_ERRORS = 20;

class Watcher {
  readonly #base: string;
  readonly #seen = new Set<string>();
  #parts = 0;
  #stalls = 0;
  #stalled = 0;
  #worst = 0;
  #errors: string[] = [];
  /** Time by which the next part must arrive, by `performance.now()`; undefined until the first one. */
  #due: number | undefined;
  #lastArrival = 0;
  #lastDuration = 0;

  constructor(base: string) {
    this.#base = base;
  }

  /** Figures since the last call. */
  report(): WatcherReport {
    const report = {
      parts: this.#parts,
      stalls: this.#stalls,
      stalled: this.#stalled,
      worstLateness: this.#worst,
      errors: this.#errors,
    };
    this.#parts = 0;
    this.#stalls = 0;
    this.#stalled = 0;
    this.#worst = 0;
    this.#errors = [];
    return report;
  }

  async follow(): Promise<never> {
    let query = '';
    for (;;) {
      try {
        const text = await this.#get(`index.m3u8${query}`, 'text');
        const holdBack = Number(/PART-HOLD-BACK=([\d.]+)/.exec(text)?.[1] ?? Number.NaN) * 1000;
        const first = this.#due === undefined;
        for (const part of partsOf(text)) {
          if (this.#seen.has(part.uri)) continue;
          this.#seen.add(part.uri);
          if (!first) {
            await this.#get(part.uri, 'bytes');
            this.#arrived(part, holdBack);
          }
        }
        if (first) this.#due = performance.now() + holdBack;
        if (text.includes('#EXT-X-ENDLIST')) throw new Error('the stream has ended');
        query = nextQuery(text);
        if (this.#seen.size > 10_000) this.#seen.clear();
      } catch (error) {
        if (this.#errors.length < MAX_ERRORS) this.#errors.push((error as Error).message);
        query = '';
        await delay(200);
      }
    }
  }

  #arrived({ seconds }: Part, holdBack: number): void {
    const now = performance.now();
    this.#parts++;
    if (this.#lastArrival > 0) this.#worst = Math.max(this.#worst, now - this.#lastArrival - this.#lastDuration);
    this.#lastArrival = now;
    this.#lastDuration = seconds * 1000;
    const due = this.#due ?? now;
    if (now > due) {
      this.#stalls++;
      this.#stalled += now - due;
      // A player whose buffer ran empty waits until it has the hold-back again.
      this.#due = now + holdBack;
    } else {
      this.#due = due + seconds * 1000;
    }
  }

  async #get(path: string, as: 'text' | 'bytes'): Promise<string> {
    const response = await fetch(`${this.#base}/${path}`, { signal: AbortSignal.timeout(20_000) });
    const body = as === 'text' ? await response.text() : String((await response.arrayBuffer()).byteLength);
    if (!response.ok) throw new Error(`${response.status} for ${path}`);
    return body;
  }
}

function partsOf(text: string): Part[] {
  return [...text.matchAll(/#EXT-X-PART:([^\n]*)/g)].flatMap(([, attributes = '']) => {
    const uri = /URI="([^"]+)"/.exec(attributes)?.[1];
    const seconds = Number(/DURATION=([\d.]+)/.exec(attributes)?.[1]);
    return uri === undefined || attributes.includes('GAP=YES') ? [] : [{ uri, seconds }];
  });
}

/** RFC 8216bis 6.2.5.2: the part after the last one listed. */
function nextQuery(text: string): string {
  const sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0);
  const segments = text.match(/#EXTINF:/g)?.length ?? 0;
  const last = text.lastIndexOf('#EXTINF');
  const open = text.slice(Math.max(0, last)).match(/#EXT-X-PART:/g)?.length ?? 0;
  return `?_HLS_msn=${sequence + segments}&_HLS_part=${open}`;
}

const [, , base] = process.argv;
if (base === undefined) throw new Error('the address of a rendition is missing');
const watcher = new Watcher(base);
process.on('message', () => process.send?.(watcher.report()));
process.on('disconnect', () => process.exit());
await watcher.follow();
