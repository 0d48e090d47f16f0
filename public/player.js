// Keeps one <video> on one live stream: waits for it, starts it, follows the live edge, and recovers from failures by itself.

import { playOrMute } from './autoplay.js';
import { PlaybackEngine } from './engine.js';
import { GapJump } from './gap-jump.js';
import { BEHIND_LIVE, LivePosition } from './live-position.js';
import { PlayerStateHolder } from './player-states.js';
import { StandstillWatch } from './standstill.js';
import { StreamArrival } from './stream-arrival.js';
import { TrackWatch } from './track-watch.js';
import { ViewerIntent } from './viewer-intent.js';

/** Milliseconds between two `position` events if nothing else changes. */
const POSITION_INTERVAL = 500;

/**
 * Events: `state` (detail: {state, previous}), `levels` (the quality menu changed), `level` (another level is shown), `blocked` (the
 * browser refused to play with sound, so the video is muted), `broadcast` (`resuming` or `away` changed), `trouble` (`trouble` changed),
 * `timed-event` (detail: a `TimedEvent`, whose picture is shown), `position` (the viewer's position, or its distance from live, may have changed; everything that shows it is updated together).
 */
export class LivePlayer extends EventTarget {
  #video;
  #source;
  #engine;
  #arrival;
  #tracks;
  #standstill;
  #gaps;
  #intent;
  #destroyed = false;
  #states = new PlayerStateHolder((detail) => {
    this.#video.dataset.state = detail.state;
    this.#emit('state', detail);
  });
  #position;
  /** There are other tracks, to be played when the viewer continues. */
  #outdated = false;
  #failures = 0;
  #listeners = new AbortController();
  #ticking = setInterval(() => this.#emit('position'), POSITION_INTERVAL);

  /**
   * @param {HTMLVideoElement} video
   * @param {{source: string, api: string, autoplay?: boolean}} options `source`: URL of the multivariant playlist; `api`: URL of the
   * stream's state; `autoplay`: false loads nothing before the viewer wants to watch
   */
  constructor(video, { source, api, autoplay = true }) {
    super();
    this.#video = video;
    this.#source = source;
    this.#intent = new ViewerIntent(video, {
      wantsPlay: autoplay,
      isPlaying: () => this.state === 'playing',
      onPlay: () => (this.#outdated ? this.#restart() : this.#position.resume()),
    });
    this.#arrival = new StreamArrival(source, () => this.#emit('trouble'));
    this.#tracks = new TrackWatch(source, {
      onChange: () => this.#onTracks(),
      // A stream that cannot be decoded is not read, so nothing else reports its end.
      onGone: () => this.state === 'unsupported' && this.#gone('waiting'),
    });
    this.#engine = new PlaybackEngine(video, source, {
      onReady: () => this.#intent.wantsPlay && this.play(),
      onLevels: () => this.#emit('levels'),
      onLevel: () => this.#emit('level'),
      onLost: () => this.#lost(),
      onTimedEvent: (event) => this.#emit('timed-event', event),
      onUnsupported: () => this.#onUnsupported(),
      onDiscontinuity: () => {
        this.#tracks.discontinuity();
        this.#standstill.look();
      },
    });
    this.#standstill = new StandstillWatch(video, {
      api,
      isWanted: () => this.#wantsPicture(),
      onMoved: () => {
        if (this.state === 'playing') this.#failures = 0;
      },
      onLost: () => this.#lost(),
      onBroadcast: () => this.#emit('broadcast'),
    });
    this.#gaps = new GapJump(video, () => this.#wantsPicture());
    this.#position = new LivePosition(video, this.#engine, {
      onSeek: () => this.#gaps.disarm(),
      onStuck: () => this.behindLive && this.#intent.wantsPlay && this.#restart(),
    });
    const { signal } = this.#listeners;
    video.addEventListener('playing', () => this.#onPicture(), { signal });
    video.addEventListener('ended', () => this.#onEnded(), { signal });
    for (const type of ['seeking', 'seeked']) video.addEventListener(type, () => this.#emit('position'), { signal });
    document.addEventListener('visibilitychange', () => this.#onVisible(), { signal });
    video.dataset.state = this.state;
    this.#await();
  }

  /** @returns {import('./player-states.js').PlayerState} */
  get state() {
    return this.#states.current;
  }

  /** Seconds since the shown picture reached the gateway; undefined while unknown. */
  get latency() {
    return this.#engine.latency;
  }

  get behindLive() {
    return this.state === 'playing' && this.#engine.secondsBehind > BEHIND_LIVE;
  }

  /** True while the publisher is away, its stream waits for it, and everything buffered has been played. */
  get resuming() {
    return this.state === 'playing' && this.#standstill.resuming;
  }

  /** True while the publisher is away and the gateway shows a slate instead. */
  get away() {
    return this.state === 'playing' && this.#standstill.away;
  }

  /** Why nothing arrives: a network that failed, or a viewer who may not watch. @returns {import('./network-trouble.js').Trouble | undefined} */
  get trouble() {
    return this.#arrival.trouble;
  }

  /** @param {string} source URL of the multivariant playlist of the same stream, with another token. What plays is not interrupted. */
  set source(source) {
    this.#source = source;
    this.#engine.source = source;
    this.#tracks.source = source;
    this.#arrival.source = source;
  }

  /** False while the viewer has paused, or has not started. */
  get wantsPlay() {
    return this.#intent.wantsPlay;
  }

  /** How far back the viewer can go: `{ length, behind }` in seconds; undefined if that is too little for a control. */
  get window() {
    return this.state === 'playing' ? this.#engine.window : undefined;
  }

  /** The engine: quality choices, measured figures, name. @returns {PlaybackEngine} */
  get playback() {
    return this.#engine;
  }

  /** Plays; muted if the browser allows nothing else. */
  async play() {
    this.#intent.wantsPlay = true;
    if (this.state === 'starting' && !this.#engine.isStarted) {
      this.#load();
      return;
    }
    if (this.#outdated && this.state === 'playing') {
      this.#restart();
      return;
    }
    if (this.state === 'playing') this.#position.resume();
    if (!(await playOrMute(this.#video, () => this.#emit('blocked')))) this.#intent.wantsPlay = false;
  }

  pause() {
    this.#intent.wantsPlay = false;
    this.#video.pause();
  }

  toggle() {
    return this.#video.paused ? this.play() : this.pause();
  }

  /** @param {number} seconds seconds before the live edge, as in `window` */
  seekBehind(seconds) {
    if (seconds <= 0) this.goLive();
    else this.#position.goBack(seconds);
  }

  goLive() {
    this.#position.goLive();
    return this.play();
  }

  destroy() {
    this.#destroyed = true;
    this.#listeners.abort();
    clearInterval(this.#ticking);
    this.#intent.close();
    this.#standstill.close();
    this.#gaps.close();
    this.#position.close();
    this.#tracks.close();
    this.#arrival.close();
    this.#engine.close();
  }

  /** Waits until the stream can be read, then starts. */
  async #await() {
    this.#tracks.rest();
    await this.#arrival.untilLive({
      failures: this.#failures,
      onLate: () => this.state === 'reconnecting' && this.#move('waiting'),
      onOffline: (why) => {
        if (why === 'ended') this.#move('ended');
        else if (this.state === 'ended') this.#move('waiting');
      },
    });
    await this.#engine.ready;
    if (!this.#destroyed) this.#start();
  }

  #start() {
    this.#move('starting');
    this.#position.reset();
    this.#outdated = false;
    this.#standstill.reset();
    this.#gaps.disarm();
    if (this.#intent.wantsPlay || this.#engine.isStarted) this.#load();
    // Nothing is loaded yet that would report the end.
    else this.#arrival.watch((next) => this.#gone(next));
  }

  #load() {
    const playlists = this.#arrival.takePlaylists();
    this.#tracks.follow(playlists.get(this.#source));
    this.#engine.start(playlists);
  }

  /** Starts the same stream again from its multivariant playlist; the viewer stays as far behind live as before. */
  #restart() {
    this.#position.keep();
    this.#start();
  }

  #onTracks() {
    if (this.#states.isOneOf('unsupported', 'starting') && this.#intent.wantsPlay) this.#start();
    else if (this.state === 'playing' && this.#intent.wantsPlay) this.#restart();
    else this.#outdated = true;
  }

  #onUnsupported() {
    if (!this.#states.isOneOf('starting', 'playing')) return;
    this.#move('unsupported');
    this.#tracks.follow(undefined, { eager: true });
  }

  #gone(next) {
    this.#move(next);
    this.#await();
  }

  /** Reading failed for good: the picture stays until the stream can be read again. */
  #lost() {
    if (!this.#states.isOneOf('starting', 'playing')) return;
    this.#failures += 1;
    this.#engine.stop();
    this.#move('reconnecting');
    this.#await();
  }

  #onEnded() {
    if (this.#states.isOneOf('starting', 'playing')) this.#gone('ended');
  }

  #onPicture() {
    if (this.state !== 'starting') return;
    this.#move('playing');
    this.#position.restore();
    // The picture may be a slate that was there before: only its beginning is a discontinuity.
    this.#standstill.look();
  }

  /** Whether a picture should come now. */
  #wantsPicture() {
    const starting = this.state === 'starting' && this.#engine.isStarted;
    const active = starting || (this.state === 'playing' && !this.#video.paused);
    return active && this.#intent.wantsPlay && !document.hidden;
  }

  /** Browsers pause or slow down hidden tabs; a viewer who comes back wants to see the present. */
  #onVisible() {
    if (document.hidden || this.state !== 'playing' || !this.#intent.wantsPlay) return;
    if (this.behindLive && !this.#position.isShifted) this.goLive();
    else if (this.#video.paused) this.play();
  }

  /** @param {import('./player-states.js').PlayerState} next */
  #move(next) {
    if (!this.#destroyed) this.#states.move(next);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
