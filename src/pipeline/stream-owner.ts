// The failure domains of a name: all work for the name runs in them, and a failure ends this name and no other.
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import { FailureDomain, type Fault } from '../protocols/failure-domain.js';
import type { Milliseconds } from '../protocols/units.js';
import { asSluiceError } from './errors.js';
import type { StreamLog } from './stream-log.js';

/** Longer than FFmpeg needs to flush, to be killed, and to close its pipes. */
const PATIENCE: Milliseconds = 10_000;

export interface StreamOwnerOptions {
  readonly clock: Clock;
  readonly log: StreamLog;
  /** Called once, at the first fault. */
  readonly onBroken: (error: SluiceError) => void;
}

export class StreamOwner {
  /** Runs publishers, FFmpeg, slate and resume window. Closes with the stream. */
  readonly live: FailureDomain;
  /** Runs the playlists and their copy on disk, which outlive the stream for a while. */
  readonly served: FailureDomain;
  readonly #options: StreamOwnerOptions;
  #broken: SluiceError | undefined;
  #release: () => void = () => undefined;
  readonly #untilBroken = new Promise<void>((resolve) => {
    this.#release = resolve;
  });

  constructor(options: StreamOwnerOptions) {
    this.#options = options;
    const { app, stream } = options.log.fields;
    const name = `${app}/${stream}`;
    this.live = new FailureDomain(name, (fault) => this.#onFault(fault));
    this.served = new FailureDomain(name, (fault) => this.#onFault(fault));
  }

  /** The first fault, if any. */
  get broken(): SluiceError | undefined {
    return this.#broken;
  }

  /** Waits for work of this stream, but not after a fault and not forever. The work itself may continue until its domain closes. */
  async whileWell(where: string, work: Promise<unknown> | undefined): Promise<void> {
    let cancel: () => void = () => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.served.clock(this.#options.clock).after(PATIENCE, () => {
        this.#options.log.late(where);
        resolve();
      });
    });
    await Promise.race([this.served.settled(where, async () => work), this.#untilBroken, late]);
    cancel();
  }

  #onFault({ where, cause }: Fault): void {
    const { log, onBroken } = this.#options;
    if (this.#broken !== undefined) {
      log.brokeAgain(where, cause);
      return;
    }
    const error = asSluiceError(cause);
    this.#broken = error;
    log.broken(where, error);
    this.#release();
    onBroken(error);
  }
}
