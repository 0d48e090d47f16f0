// Reads every playlist of a stream in the background while a test runs, and reports violations of the rules at its end.
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { type CheckerOptions, PlaylistChecker } from './playlist-checker.js';
import { PlaylistFollower } from './playlist-follower.js';

export interface FollowOptions extends Partial<CheckerOptions> {
  /** Whether encoders may die, so that a hinted part may never come. */
  readonly brokenHints?: boolean;
  /** Whether the gateway may be away for a while. */
  readonly mayVanish?: boolean;
}

/** The segments that the playlists of one stream have listed until EXT-X-ENDLIST. */
export interface FollowedLife {
  readonly media: PlaylistChecker;
  readonly iFrames: PlaylistChecker;
}

/**
 * Follows all renditions of a stream, with their I-frame playlists, from its start over its end and later publishes, until the test ends. The test
 * fails if a version breaks a rule of B1 to B3, if hls.js, m3u8-parser and hls-parser do not agree about it,
 * or if no stream became live.
 * @param base `http://…/hls/APP/NAME`
 */
export function followStream(base: string, options: FollowOptions = {}): FollowedStream {
  const stream = new FollowedStream(base, options);
  onTestFinished(() => stream.stop());
  return stream;
}

export class FollowedStream {
  readonly lives: FollowedLife[] = [];
  readonly #base: string;
  readonly #options: FollowOptions;
  readonly #stopped = new AbortController();
  readonly #done: Promise<void>;
  readonly #firstPlaylist: Promise<void>;
  #onFirstPlaylist: () => void = () => undefined;
  #followers: PlaylistFollower[] = [];
  #failure: unknown;

  constructor(base: string, options: FollowOptions) {
    this.#firstPlaylist = new Promise((resolve) => {
      this.#onFirstPlaylist = resolve;
    });
    this.#base = base;
    this.#options = options;
    this.#done = this.#follow().catch((error: unknown) => {
      if (!this.#stopped.signal.aborted) this.#failure = error;
    });
  }

  /** @throws the first violation in any of its playlists, or if no stream became live */
  async stop(): Promise<void> {
    // On a busy machine, a short test may end before the first answer.
    await Promise.race([this.#firstPlaylist, this.#done, delay(FIRST_PLAYLIST_MS, undefined, { ref: false })]);
    this.#stopped.abort();
    // Without this call they would follow until the stream ends, which may be long after its publisher has left.
    await Promise.all(this.#followers.map((follower) => follower.stop()));
    await this.#done;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.lives.length === 0) throw new Error(`${this.#base} was never live`);
    for (const { media } of this.lives) media.checkAlignment();
    this.#checkLives();
  }

  async #follow(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const multivariant = await this.#get('index.m3u8');
      const found = multivariant === undefined ? [] : mediaPlaylists(multivariant);
      if (found.length > 0 && (await this.#isFresh(found[0]?.path ?? '')) && !(await this.#followLife(found))) return;
      await delay(100, undefined, { signal: this.#stopped.signal });
    }
  }

  /** @returns whether the stream has ended; otherwise the end of the test stopped its followers before that */
  async #followLife(found: readonly Found[]): Promise<boolean> {
    const { frame = 0.042, brokenHints = false, mayVanish = false, ...rest } = this.#options;
    const life = { media: new PlaylistChecker({ ...rest, frame }), iFrames: new PlaylistChecker({ ...rest, frame }) };
    this.lives.push(life);
    this.#followers = found.map(({ rendition, file, path }) => {
      const checker = path.endsWith(I_FRAMES) ? life.iFrames : life.media;
      return new PlaylistFollower(this.#base, rendition, {
        file,
        mayVanish,
        untilEnd: true,
        pause: 500,
        onVersion: (name, text) => {
          if (brokenHints) checker.expectBrokenHint();
          checker.add(name, text);
          this.#onFirstPlaylist();
          checker.checkAlignment();
          life.media.checkSameControl(life.iFrames);
        },
      });
    });
    await Promise.all(this.#followers.map((follower) => follower.ended()));
    const ended = this.#followers.every(({ last }) => last?.ended === true);
    this.#followers = [];
    return ended;
  }

  /** False for the end of a stream that was already followed. A stream that started and ended between two checks is fresh, and its end is checked. */
  async #isFresh(path: string): Promise<boolean> {
    const text = await this.#get(path);
    return text !== undefined && (this.lives.length === 0 || !text.includes('#EXT-X-ENDLIST'));
  }

  /** Undefined while it does not exist. */
  async #get(path: string): Promise<string | undefined> {
    try {
      const response = await fetch(`${this.#base}/${path}`, { signal: this.#stopped.signal });
      const text = await response.text();
      if (response.ok) return text;
      if (response.status !== 404) throw new Error(`${this.#base}/${path}: ${response.status} ${text}`);
    } catch (error) {
      if (this.#options.mayVanish !== true || this.#stopped.signal.aborted) throw error;
    }
    return undefined;
  }

  /** B1.03, B1.05: a later publisher of the name continues its numbers, and no file name is used twice. */
  #checkLives(): void {
    const names = new Set<string>();
    const newest = new Map<string, number>();
    for (const { media } of this.lives) {
      for (const rendition of media.renditions) {
        const segments = [...media.segments(rendition).values()];
        for (const { mediaSequence, uri } of segments) {
          const name = `${rendition}/${uri}`;
          if (mediaSequence <= (newest.get(rendition) ?? 0)) throw new Error(`B1.03 ${name} of a later publisher`);
          if (names.has(name)) throw new Error(`B1.05 ${name} of two publishers`);
          names.add(name);
        }
        newest.set(rendition, segments.at(-1)?.mediaSequence ?? newest.get(rendition) ?? 0);
      }
    }
  }
}

/** How long a finished test waits for the first playlist of a stream. */
const FIRST_PLAYLIST_MS = 10_000;

const I_FRAMES = 'iframes.m3u8';

interface Found {
  readonly path: string;
  readonly rendition: string;
  readonly file: string;
}

/** The media playlists in a multivariant playlist, relative to it. */
function mediaPlaylists(multivariant: string): Found[] {
  const uris = [...multivariant.matchAll(/^#EXT-X-STREAM-INF:.*\n(.+)$|URI="([^"]+)"/gm)].map(
    ([, variant, attribute]) => variant ?? attribute ?? '',
  );
  return [...new Set(uris)].map((path) => {
    const [rendition = '', file = ''] = path.split('/');
    return { path, rendition, file };
  });
}
