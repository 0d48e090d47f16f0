// Answers the HTTP server's requests by stream name: decides how long they wait, when a stream expires, and which status they get.

import type { Clock } from '../../protocols/clock.js';
import type { Milliseconds } from '../../protocols/units.js';
import { hlsError } from '../errors.js';
import type { Presentation } from '../presentation.js';
import { LeftStream } from '../store/left-stream.js';
import { parseDirective } from '../window/blocking-reload.js';
import type { Rendition } from '../window/rendition.js';
import type { PlaylistKind } from '../window/rendition-playlists.js';
import { I_FRAMES, PLAYLIST } from '../window/segment.js';
import { NamedStreams } from './named-streams.js';
import {
  blockingLimit,
  found,
  foundInStore,
  leftFile,
  leftPlaylist,
  noFile,
  noRendition,
  noStream,
  notPlayable,
  notReady,
  type OriginAnswer,
  refused,
} from './origin-answer.js';

/** How long the first playlist request waits for a stream that was just published. */
const STARTING_LIMIT: Milliseconds = 15_000;

export type { FoundAnswer, OriginAnswer, RefusedAnswer, StoredAnswer } from './origin-answer.js';

/** Query values as received: `_HLS_msn`, `_HLS_part`, `_HLS_skip`. */
export interface PlaylistDirectives {
  readonly msn?: string | undefined;
  readonly part?: string | undefined;
  readonly skip?: string | undefined;
}

export interface OriginOptions {
  readonly clock: Clock;
  readonly startingLimit?: Milliseconds | undefined;
  /** Called after a presentation was removed, so that `presentation` no longer returns it. */
  readonly onGone?: () => void;
  /** Called for each request for a playlist, and for each answer from memory: somebody wants this stream. Must be cheap. */
  readonly onAsked?: (app: string, name: string) => void;
}

interface AskedPlaylist {
  readonly app: string;
  readonly name: string;
  readonly rendition: string;
  readonly kind: PlaylistKind;
  readonly directives: PlaylistDirectives;
  readonly signal: AbortSignal | undefined;
}

export class Origin {
  readonly #clock: Clock;
  readonly #startingLimit: Milliseconds;
  readonly #names: NamedStreams;
  readonly #onAsked: (app: string, name: string) => void;

  constructor(options: OriginOptions) {
    this.#clock = options.clock;
    this.#startingLimit = options.startingLimit ?? STARTING_LIMIT;
    this.#onAsked = options.onAsked ?? (() => undefined);
    this.#names = new NamedStreams(options);
  }

  /** Number of waiting requests. */
  get waiting(): number {
    return this.#names.waiting;
  }

  /** This method and the next three are described in `NamedStreams`. */
  starting(app: string, name: string): () => void {
    return this.#names.starting(app, name);
  }

  awaitPublisher(left: LeftStream, window: Milliseconds): void {
    this.#names.awaitPublisher(left, window);
  }

  attach(presentation: Presentation): void {
    this.#names.attach(presentation);
  }

  detach(presentation: Presentation): void {
    this.#names.detach(presentation);
  }

  presentation(app: string, name: string): Presentation | undefined {
    return this.#names.current(app, name);
  }

  /** `index.m3u8` of a stream. Never rejects. */
  async multivariant(app: string, name: string, signal?: AbortSignal): Promise<OriginAnswer> {
    this.#onAsked(app, name);
    const deadline = this.#clock.now() + this.#startingLimit;
    const presentation = await this.#names.started(app, name, deadline, signal);
    if ('status' in presentation) return presentation;
    if (presentation instanceof LeftStream) return leftPlaylist(presentation);
    const outcome = await presentation.playableWaiters.wait(
      'playable',
      () => presentation.playable || presentation.ended,
      deadline - this.#clock.now(),
      signal,
    );
    if (!presentation.playable) return notPlayable(outcome);
    return found('multivariant', presentation.multivariantBody(), false, presentation);
  }

  /** `index.m3u8` of a rendition. Never rejects. */
  async mediaPlaylist(
    app: string,
    name: string,
    renditionName: string,
    directives: PlaylistDirectives = {},
    signal?: AbortSignal,
  ): Promise<OriginAnswer> {
    return this.#playlist({ app, name, rendition: renditionName, kind: 'media', directives, signal });
  }

  async #playlist({ app, name, rendition: asked, kind, directives, signal }: AskedPlaylist): Promise<OriginAnswer> {
    this.#onAsked(app, name);
    const deadline = this.#clock.now() + this.#startingLimit;
    const presentation = await this.#names.started(app, name, deadline, signal);
    if ('status' in presentation) return presentation;
    const isMedia = kind === 'media';
    if (presentation instanceof LeftStream) return leftPlaylist(presentation, asked, isMedia ? PLAYLIST : I_FRAMES);
    const missing = () => (isMedia ? noRendition(presentation) : noFile(false, presentation));
    const rendition = presentation.rendition(asked);
    if (rendition === undefined || !(isMedia || rendition.plan.kind === 'video')) return missing();

    // After ENDLIST nothing is waited for, so no directive can be invalid.
    const parsed = rendition.ended ? undefined : parseDirective(directives.msn, directives.part);
    if (parsed instanceof Error) return refused(400, parsed, true, presentation);
    // I-frame playlists have no parts: by 6.2.5.2 these requests wait for whole segments.
    const directive = isMedia ? parsed : parsed && { msn: parsed.msn, part: undefined };
    const least = directive !== undefined && isMedia ? 'part' : 'segment';
    const outcome = await rendition.mediaWaiters.wait(
      `servable ${least}`,
      () => rendition.ended || rendition.withdrawn || rendition.isServable(least),
      deadline - this.#clock.now(),
      signal,
    );
    if (rendition.withdrawn) return missing();
    if (!rendition.isServable(least)) return notPlayable(outcome);
    if (directive !== undefined && !rendition.satisfies(directive)) {
      const tooFar = rendition.checkAdvance(directive);
      if (tooFar !== undefined) return refused(400, tooFar, true, presentation);
      const waited = await rendition.mediaWaiters.wait(
        `${directive.msn} ${directive.part}`,
        () => rendition.satisfies(directive),
        blockingLimit(presentation),
        signal,
      );
      // Nothing new came: the publisher is away or slow. Answers with the playlist as it is: players keep polling, while a 503 stops some
      // of them.
      if (waited !== 'ready' && waited !== 'timeout') return notReady(waited, presentation);
    }
    // The rendition was withdrawn while the request waited.
    if (rendition.withdrawn) return missing();
    // RFC 8216bis 6.2.5.1: YES and v2 differ only for date ranges, of which there are none; other values are ignored.
    const skip = directives.skip === 'YES' || directives.skip === 'v2';
    const body = skip ? rendition.deltaBody(kind) : rendition.playlistBody(kind);
    const isFirst = directive !== undefined && rendition.isFirstAnswer(directive);
    return found('media-playlist', body, isFirst, presentation);
  }

  /** An init segment, segment or part, or the I-frame playlist; directives apply to the playlist only. Never rejects. */
  async file(
    app: string,
    name: string,
    renditionName: string,
    file: string,
    signal?: AbortSignal,
    directives: PlaylistDirectives = {},
  ): Promise<OriginAnswer> {
    const holders = this.#names.holders(app, name);
    if (holders === undefined) return noStream();
    if (file === I_FRAMES) {
      return this.#playlist({ app, name, rendition: renditionName, kind: 'i-frames', directives, signal });
    }
    for (const presentation of holders.presentations) {
      const rendition = presentation.anyRendition(renditionName);
      if (rendition === undefined) continue;
      const answer = await this.#fileOf(presentation, rendition, file, signal);
      if (answer !== undefined) return answer;
    }
    return (await leftFile(holders.left, renditionName, file)) ?? noFile(false, holders.current);
  }

  /**
   * The answer that the three methods above give to a request without directives, if it is in memory: it needs no wait and no read from the
   * store. A request with directives always goes through `#playlist`.
   * @param rendition empty for the multivariant playlist.
   * @param file empty for a playlist
   */
  inMemory(app: string, name: string, rendition: string, file: string): OriginAnswer | undefined {
    this.#onAsked(app, name);
    const presentation = this.#names.here(app, name);
    if (presentation === undefined || file === I_FRAMES) return undefined;
    if (rendition === '') {
      if (!presentation.playable) return undefined;
      return found('multivariant', presentation.multivariantBody(), false, presentation);
    }
    if (file === '') {
      const asked = presentation.rendition(rendition);
      if (asked === undefined || asked.withdrawn || !asked.isServable('segment')) return undefined;
      return found('media-playlist', asked.playlistBody('media'), false, presentation);
    }
    const there = presentation.anyRendition(rendition)?.find(file);
    if (there === undefined || there === 'hinted' || there.body === undefined) return undefined;
    return found(there.kind, there.body, false, presentation);
  }

  async #fileOf(
    presentation: Presentation,
    rendition: Rendition,
    file: string,
    signal?: AbortSignal,
  ): Promise<OriginAnswer | undefined> {
    const hinted = rendition.find(file) === 'hinted';
    if (hinted) {
      const waited = await rendition.mediaWaiters.wait(
        file,
        () => rendition.find(file) !== 'hinted',
        blockingLimit(presentation),
        signal,
      );
      if (waited !== 'ready') return notReady(waited, presentation);
    }
    const there = rendition.find(file);
    if (there === undefined || there === 'hinted') {
      // The part will not come: its segment was closed without it, and names are never reused.
      return hinted ? noFile(true, presentation) : undefined;
    }
    if (there.body !== undefined) return found(there.kind, there.body, hinted, presentation);
    try {
      const { within } = there;
      const stored = within?.uri ?? file;
      const body = await presentation.readStored(rendition.plan.name, stored, within);
      if (body === undefined) presentation.missed(rendition, stored);
      return body && foundInStore(there.kind, body, presentation.targetDuration);
    } catch (cause) {
      const error = hlsError('hls.store-read', 'a segment could not be read from disk', { cause });
      return refused(503, error, false, presentation);
    }
  }
}
