// Timed events of the stream, passed on with the picture to which they belong.
//
// They come as ID3 tags in the media. hls.js makes cues of a text track from them, but the browser drops cues that are added before the
// track has loaded, which are the first ones; so events are taken from the media itself. Browsers that play HLS themselves make cues, too.

/** Tells the gateway's ID3 frames from those of others. */
const DESCRIPTION = 'sluice';
/** Events that are kept for a viewer who goes back. */
const KEPT = 1_000;
/** Seconds. Media times are rounded on their way. */
const ROUNDING = 0.002;

/** @typedef {{ seq: number, name: string, mediaTime: number, date: string, values: unknown }} TimedEvent */

export class TimedEvents {
  #video;
  #onEvent;
  /** By number: the same event is in every rendition, and in a part as well as in its segment. */
  #kept = new Map();
  #isWatching = false;
  /** Where the viewer has gone back to: what was before that is over. */
  #since = Number.NEGATIVE_INFINITY;
  /** Position of the newest picture that was looked at. */
  #shown = Number.NEGATIVE_INFINITY;
  #listeners = new AbortController();

  /**
   * @param {HTMLVideoElement} video
   * @param {(event: TimedEvent) => void} onEvent called once for each event, with its picture; again if the viewer goes back before it
   */
  constructor(video, onEvent) {
    this.#video = video;
    this.#onEvent = onEvent;
    const { signal } = this.#listeners;
    video.addEventListener('seeking', () => this.#onSeek(), { signal });
  }

  /** @param {{ data: Uint8Array, pts: number }[]} samples of hls.js; `pts` is the position in the video, in seconds */
  add(samples) {
    for (const { data, pts } of samples) {
      const event = readTag(data);
      if (event === undefined || this.#kept.has(event.seq)) continue;
      this.#kept.set(event.seq, { event, time: pts, isPassed: pts < this.#since });
      if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value);
    }
    this.#watch();
  }

  /** Other media is loaded: positions in the video have a new meaning. */
  reset() {
    this.#kept.clear();
    this.#since = Number.NEGATIVE_INFINITY;
    this.#shown = Number.NEGATIVE_INFINITY;
  }

  /** For a browser that plays HLS itself. */
  watchCues() {
    const { signal } = this.#listeners;
    const seen = new Set();
    const onCues = ({ target: track }) => {
      for (const { value } of track.activeCues ?? []) {
        const event = value?.key === 'TXXX' && value.info === DESCRIPTION ? parse(value.data) : undefined;
        if (event === undefined || seen.has(event.seq)) continue;
        seen.add(event.seq);
        this.#onEvent(event);
      }
    };
    const listen = (track) => {
      if (track?.kind !== 'metadata') return;
      // A disabled track has no cues.
      track.mode = 'hidden';
      track.addEventListener('cuechange', onCues, { signal });
    };
    for (const track of this.#video.textTracks) listen(track);
    this.#video.textTracks.addEventListener('addtrack', ({ track }) => listen(track), { signal });
    this.#video.addEventListener('seeking', () => seen.clear(), { signal });
  }

  close() {
    this.#listeners.abort();
    this.#kept.clear();
  }

  /** Looks at each picture that is shown, as long as an event is to come. */
  #watch() {
    if (this.#isWatching || ![...this.#kept.values()].some(({ isPassed }) => !isPassed)) return;
    this.#isWatching = true;
    const look = (mediaTime) => {
      this.#isWatching = false;
      if (this.#listeners.signal.aborted) return;
      this.#pass(mediaTime);
      this.#watch();
    };
    // Sound without a picture has no frames.
    if (this.#video.videoWidth > 0 && this.#video.requestVideoFrameCallback !== undefined) {
      this.#video.requestVideoFrameCallback((_now, { mediaTime }) => look(mediaTime));
    } else this.#video.addEventListener('timeupdate', () => look(this.#video.currentTime), { once: true });
  }

  #pass(mediaTime) {
    this.#shown = mediaTime;
    const due = [...this.#kept.values()].filter(({ time, isPassed }) => !isPassed && time <= mediaTime + ROUNDING);
    for (const entry of due.sort((a, b) => a.time - b.time || a.event.seq - b.event.seq)) {
      entry.isPassed = true;
      this.#onEvent(entry.event);
    }
  }

  #onSeek() {
    const to = this.#video.currentTime - ROUNDING;
    // A jump forward comes closer to live: what it leaves out comes with the next picture.
    if (to >= this.#shown) return;
    this.#since = to;
    this.#shown = to;
    for (const entry of this.#kept.values()) entry.isPassed = entry.time < to;
    this.#watch();
  }
}

/** @returns {TimedEvent | undefined} the event in an ID3 tag with one TXXX frame */
function readTag(data) {
  const text = new TextDecoder().decode(data);
  const at = text.indexOf(`${DESCRIPTION}\0`);
  return text.startsWith('ID3') && at > 0 ? parse(text.slice(at + DESCRIPTION.length + 1)) : undefined;
}

/** @returns {TimedEvent | undefined} */
function parse(json) {
  try {
    const event = JSON.parse(json);
    return typeof event?.seq === 'number' && typeof event.name === 'string' ? event : undefined;
  } catch {
    // Another program wrote it.
    return undefined;
  }
}
