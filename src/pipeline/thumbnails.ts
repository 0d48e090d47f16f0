// Which picture stands for a stream now: made of its newest key frame when somebody asks, and shared by all who ask.

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

/** What makes pictures: FFmpeg, in a room of its own. Rejects when it cannot. */
export interface PictureMaker {
  make(frame: () => { readonly description: VideoDescription; readonly data: Buffer } | undefined): Promise<Buffer>;
}

/** What a picture is made of: the life of a name, over several publishers. */
export interface PictureSource {
  readonly app: string;
  readonly name: string;
  readonly stream: Pick<LiveStream, 'videoTrack' | 'keyFrame'> | undefined;
}

export interface ThumbnailsOptions {
  readonly maker: PictureMaker;
  readonly find: (app: string, name: string) => PictureSource | undefined;
  /** A picture is made at most once in this time. */
  readonly segmentDuration: Seconds;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Of one name. */
interface Entry {
  picture: Thumbnail | undefined;
  /** The key frame that was tried last, whether it could be decoded or not. */
  tried: LiveTag | undefined;
  triedAt: Milliseconds;
  making: Promise<void> | undefined;
}

export class Thumbnails {
  readonly #options: ThumbnailsOptions;
  /** A picture goes with the stream it shows, and until then costs its bytes alone. */
  readonly #entries = new WeakMap<PictureSource, Entry>();

  constructor(options: ThumbnailsOptions) {
    this.#options = options;
  }

  /**
   * Of the newest key frame, or one that is at most a segment older. While a publisher is away its last picture stays.
   * Undefined when there is none. Never rejects.
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
      // The picture before it stays; whether the next one works is seen with the next key frame.
      const { app, name } = source;
      const { code, message } = asSluiceError(error);
      // One of ours is a bug, and its stack is wanted.
      const stack = error instanceof SluiceError ? {} : { err: error };
      logger.warn({ app, stream: name, code, ...stack }, `no thumbnail: ${message}`);
    } finally {
      entry.triedAt = clock.now();
      entry.making = undefined;
    }
  }
}
