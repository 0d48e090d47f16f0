// Decides whether the machine can run one more transcode, so that a further publisher does not slow down running streams.
import type { Clock } from '../protocols/clock.js';
import type { Milliseconds } from '../protocols/units.js';
import { type CpuTimes, findProcessors } from './cpu-times.js';

export type { CpuTimes } from './cpu-times.js';

export interface CapacityOptions {
  readonly clock: Clock;
  /** Maximum number of transcodes; 0: no fixed limit, as many as the measured load allows. */
  readonly maxTranscodes: number;
  readonly cpuTimes?: () => CpuTimes;
  readonly cores?: number;
}

export type Admission =
  /** `release` gives the place back; later calls do nothing. */
  { readonly admitted: true; readonly release: () => void } | { readonly admitted: false; readonly reason: string };

const SAMPLE_INTERVAL: Milliseconds = 1_000;
/** Number of samples in the average: one busy second may be an encoder that starts, five show what it costs. */
const SAMPLES = 5;
/** A transcode is part of the measured load once it has run during all samples. */
const SETTLING: Milliseconds = SAMPLES * SAMPLE_INTERVAL;
/** If encoders use more than this share of all cores, they slow each other down. */
const FULL = 0.95;
/** However busy other programs are, the operating system leaves the gateway at least this share of the processors. */
const GUARANTEED_SHARE = 0.5;
/** Transcodes per core that are admitted before anything was measured: the default ladder of one 720p stream needs one to two cores. */
const UNMEASURED_PER_CORE = 0.5;
/** After a rendition was shed (withdrawn because encoding was too slow), the machine counts as full for this long, whatever the measured load is. */
const SHED_HOLD_OFF: Milliseconds = 60_000;

export class Capacity {
  readonly #clock: Clock;
  readonly #maxTranscodes: number;
  readonly #cpuTimes: () => CpuTimes;
  readonly #cores: number;
  /** Time of admission of each running transcode. */
  readonly #running = new Map<symbol, Milliseconds>();
  #samples: CpuTimes[] = [];
  #lastShed = Number.NEGATIVE_INFINITY;
  #shed = 0;
  #refused = 0;
  #cancel: (() => void) | undefined;

  constructor(options: CapacityOptions) {
    this.#clock = options.clock;
    this.#maxTranscodes = options.maxTranscodes;
    const { count, times } = findProcessors();
    this.#cpuTimes = options.cpuTimes ?? times;
    this.#cores = options.cores ?? count;
  }

  /** Number of streams with an FFmpeg that encodes pictures, or with the right to one. */
  get transcodes(): number {
    return this.#running.size;
  }

  /** Number of renditions that were shed, and of publishers that got no ladder. */
  get counters(): { readonly shed: number; readonly refused: number } {
    return { shed: this.#shed, refused: this.#refused };
  }

  /** Share of all cores that was busy in the last few seconds; undefined before the first measurement. */
  get busyShare(): number | undefined {
    return this.#shareOf(({ busy }) => busy);
  }

  /** The part of `busyShare` used by this program and its FFmpegs; undefined if unknown. */
  get ownShare(): number | undefined {
    return this.#shareOf(({ ours }) => ours);
  }

  #shareOf(part: (times: CpuTimes) => number | undefined): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.total <= first.total) return undefined;
    const [before, after] = [part(first), part(last)];
    return before === undefined || after === undefined ? undefined : (after - before) / (last.total - first.total);
  }

  /** Requests the right to encode pictures for one stream. */
  admit(): Admission {
    const reason = this.#refusal();
    if (reason !== undefined) {
      this.#refused += 1;
      return { admitted: false, reason };
    }
    const place = Symbol('transcode');
    this.#running.set(place, this.#clock.now());
    this.#measure();
    return { admitted: true, release: () => this.#release(place) };
  }

  /** Call when a rendition was withdrawn because an encoder did not keep up. */
  noteShed(): void {
    this.#shed += 1;
    this.#lastShed = this.#clock.now();
  }

  close(): void {
    this.#running.clear();
    this.#stop();
  }

  #refusal(): string | undefined {
    const running = this.#running.size;
    // The first stream is always tried, however busy the machine is: if it is too much, renditions are shed.
    if (running === 0) return undefined;
    if (this.#maxTranscodes > 0) {
      return running < this.#maxTranscodes ? undefined : `${running} streams are being transcoded, the limit`;
    }
    const now = this.#clock.now();
    if (now - this.#lastShed < SHED_HOLD_OFF)
      return 'a rendition was withdrawn in the last minute, because encoding was too slow';
    const settled = [...this.#running.values()].filter((since) => now - since >= SETTLING).length;
    const busy = this.busyShare;
    if (busy === undefined || settled === 0) {
      return running < Math.max(1, this.#cores * UNMEASURED_PER_CORE)
        ? undefined
        : `${running} transcodes run on ${this.#cores} processors, and their load is not measured yet`;
    }
    // Leaves out the load of other programs, which is not the cost of a transcode.
    const own = Math.min(busy, this.ownShare ?? busy);
    const others = busy - own;
    // The newest transcodes are not part of the measured load yet: assumes that each of them, and the requested one, costs as much as an
    // average one.
    const expected = own + (own / settled) * (running - settled + 1);
    if (expected <= Math.max(FULL - others, GUARANTEED_SHARE)) return undefined;
    const beside = others < 0.01 ? '' : `, and other programs use ${percent(others)}`;
    const needed = `one more would need ${percent(expected)}${beside}`;
    return `processors are ${percent(own)} busy with ${running} transcodes, ${needed}`;
  }

  #release(place: symbol): void {
    this.#running.delete(place);
    if (this.#running.size === 0) this.#stop();
  }

  /** Measures while at least one transcode runs. */
  #measure(): void {
    if (this.#cancel !== undefined || this.#maxTranscodes > 0) return;
    this.#samples = [this.#cpuTimes()];
    const again = (): void => {
      this.#cancel = this.#clock.after(SAMPLE_INTERVAL, () => {
        const before = this.#samples.slice(-SAMPLES);
        // If measuring fails, the load counts as unknown, not as unchanged; the next admission measures again.
        this.#stop();
        this.#samples = [...before, this.#cpuTimes()];
        again();
      });
    };
    again();
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#samples = [];
  }
}

/** The right of one stream to encode pictures: requested when needed, and kept while it may be needed again. */
export class TranscodePlace {
  readonly #capacity: Pick<Capacity, 'admit'>;
  #release: (() => void) | undefined;

  constructor(capacity: Pick<Capacity, 'admit'>) {
    this.#capacity = capacity;
  }

  /** @returns the reason of a refusal; undefined if the stream has the right */
  take(): string | undefined {
    if (this.#release !== undefined) return undefined;
    const admission = this.#capacity.admit();
    if (!admission.admitted) return admission.reason;
    this.#release = admission.release;
    return undefined;
  }

  release(): void {
    this.#release?.();
    this.#release = undefined;
  }
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
