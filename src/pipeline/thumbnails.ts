// Makes a thumbnail from the newest key frame of a stream when somebody asks, and shares it among all who ask.

import { createHash } from 'node:crypto';
import type { Logger } from '../contracts/logger.js';
import type { Thumbnail } from '../contracts/thumbnail.js';
import type { LiveStream } from '../live/stream.js';
import type { LiveTag } from '../live/tag.js';
import type { Clock } from '../protocols/clock.js';
import { SluiceError } from '../protocols/errors.js';
import type { VideoDescription } from '../protocols/mp4/video-description.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';
import { asSluiceError } from './errors.js';

/** Makes pictures with FFmpeg. Rejects if that fails. */
export interface ThumbnailMaking {
  make(frame: () => { readonly description: VideoDescription; readonly data: Buffer } | undefined): Promise<Buffer>;
}

/** The source of thumbnails: the stream of a name, over several publishers. */
export interface PictureSource {
  readonly app: string;
  readonly name: string;
  readonly stream: Pick<LiveStream, 'videoTrack' | 'keyFrame'> | undefined;
}

export interface ThumbnailsOptions {
  readonly maker: ThumbnailMaking;
  readonly find: (app: string, name: string) => PictureSource | undefined;
  /** A thumbnail is made at most once in this time. */
  readonly segmentDuration: Seconds;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The entry of one name. */
interface Entry {
  picture: Thumbnail | undefined;
  /** The newest key frame that was tried, even if it could not be decoded. */
  tried: LiveTag | undefined;
  triedAt: Milliseconds;
  making: Promise<void> | undefined;
}

export class Thumbnails {
  readonly #options: ThumbnailsOptions;
  /** A thumbnail is released together with its stream; until then it costs only its own bytes. */
  readonly #entries = new WeakMap<PictureSource, Entry>();

  constructor(options: ThumbnailsOptions) {
    this.#options = options;
  }

  /**
   * A thumbnail of the newest key frame, or one that is at most a segment older. While a publisher is away, the last one stays. Undefined
   * if none exists. Never rejects.
   */
  async get(app: string, name: string): Promise<Thumbnail | undefined> {
    const source = this.#options.find(app, name);
    if (source === undefined) return undefined;
    const entry = this.#entries.get(source) ?? { picture: undefined, tried: undefined, triedAt: 0, making: undefined };
    this.#entries.set(source, entry);
    if (this.#isDue(source, entry)) entry.making ??= this.#refresh(source, entry);
    await entry.making;
    return entry.picture;
  }

  #isDue({ stream }: PictureSource, { tried, triedAt }: Entry): boolean {
    const { clock, segmentDuration } = this.#options;
    const newest = stream?.keyFrame;
    if (newest === undefined || newest === tried) return false;
    return tried === undefined || clock.now() - triedAt >= secondsToMilliseconds(segmentDuration);
  }

  async #refresh(source: PictureSource, entry: Entry): Promise<void> {
    const { maker, clock, segmentDuration, logger } = this.#options;
    try {
      const body = await maker.make(() => {
        const { videoTrack, keyFrame } = source.stream ?? {};
        if (videoTrack === undefined || keyFrame === undefined) return undefined;
        entry.tried = keyFrame;
        return { description: videoTrack.description, data: keyFrame.data };
      });
      const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
      entry.picture = { body, entityTag: `"${digest}"`, maxAge: Math.floor(segmentDuration) };
    } catch (error) {
      // Keeps the previous thumbnail; the next request tries a newer key frame.
      const { app, name } = source;
      const { code, message } = asSluiceError(error);
      // An untyped error is a bug in the gateway: its stack is logged.
      const stack = error instanceof SluiceError ? {} : { err: error };
      logger.warn({ app, stream: name, code, ...stack }, `no thumbnail: ${message}`);
    } finally {
      entry.triedAt = clock.now();
      entry.making = undefined;
    }
  }
}
