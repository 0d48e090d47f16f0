// Brings the first picture sooner: begins where a picture can be decoded at once, and asks for picture and sound at the same time.
// hls.js asks for one after the other (playlist, header, picture, then header and sound), each a round trip; what is fetched here lies
// in the browser's cache when it does, under names that are never used twice.

import { Hls } from './vendor/hls.mjs';

/** Seconds from the edge of the playlist that may be too few to play from without a stall. */
const MARGIN = 0.9;
/** Seconds inside the part: sound begins up to one of its frames after the picture, and must not be looked for in the part before. */
const INSIDE = 0.06;
/** bit/s. Lines that are at least as fast have the parts between a key frame and live loaded before anybody notices. */
const FAST = 10_000_000;

/** bit/s at which hls.js itself came; undefined where it came from the cache. */
export function lineSpeed() {
  const script = performance.getEntriesByType('resource').find(({ name }) => name.endsWith('/vendor/hls.mjs'));
  if (script === undefined || script.transferSize === 0 || script.encodedBodySize === 0) return undefined;
  const seconds = (script.responseEnd - script.responseStart) / 1000;
  return seconds > 0 ? (script.encodedBodySize * 8) / seconds : undefined;
}

/**
 * Lets a playlist say that a player begins at its newest part that can be decoded by itself, some way from its end. The few seconds
 * until live would have to be loaded first otherwise; hls.js catches up by playing faster.
 * @param {string} playlist of one rendition
 * @param {string} url of it
 */
export function beginAtKeyFrame(playlist, url) {
  if ((lineSpeed() ?? FAST) >= FAST) return playlist;
  let fromEnd = 0;
  const age = ageOf(url);
  for (const line of playlist.split('\n').reverse()) {
    const duration = /^#EXT-X-PART:.*?DURATION=([\d.]+)/.exec(line)?.[1];
    if (duration === undefined) continue;
    fromEnd += Number(duration);
    if (fromEnd + age < MARGIN || !line.includes('INDEPENDENT=YES')) continue;
    return playlist.replace(
      '#EXTM3U',
      `#EXTM3U\n#EXT-X-START:TIME-OFFSET=${(INSIDE - fromEnd).toFixed(3)},PRECISE=YES`,
    );
  }
  return playlist;
}

/** Seconds since an answer came that the page has asked for ahead; live has gone on since. */
function ageOf(url) {
  const answer = performance.getEntriesByName(url, 'resource').at(-1);
  return answer === undefined ? 0 : (performance.now() - answer.responseEnd) / 1000;
}

/**
 * @param {Hls} hls that has not loaded anything yet
 * @param {HTMLVideoElement} video
 */
export function fetchFirstMedia(hls, video) {
  let picture;
  let sound;
  const onPlaylists = () => {
    const part = picture && partAtStart(picture);
    if (part === undefined) return;
    warm(part.fragment.initSegment);
    warm(part);
    const same = sound?.partList?.find(
      ({ fragment, index }) => fragment.sn === part.fragment.sn && index === part.index,
    );
    warm(same?.fragment.initSegment);
    warm(same);
  };
  const warmed = new Set();
  const warm = (media) => {
    if (!media?.url || warmed.has(media.url)) return;
    warmed.add(media.url);
    // A failure is met again, and reported, by the request proper.
    fetch(media.url).then(
      (response) => response.arrayBuffer(),
      () => undefined,
    );
  };
  // hls.js goes there once the whole segment is there, which may take seconds.
  const onAppended = () => {
    if (video.buffered.length === 0) return;
    const begin = video.buffered.start(0) + INSIDE;
    if (video.currentTime < begin) video.currentTime = begin;
    hls.off(Hls.Events.BUFFER_APPENDED, onAppended);
  };
  hls.once(Hls.Events.LEVEL_LOADED, (_event, { details }) => {
    picture = details;
    if (details.startTimeOffset !== null) hls.on(Hls.Events.BUFFER_APPENDED, onAppended);
    onPlaylists();
  });
  hls.once(Hls.Events.AUDIO_TRACK_LOADED, (_event, { details }) => {
    sound = details;
    onPlaylists();
  });
}

function partAtStart({ partList, edge, startTimeOffset }) {
  if (startTimeOffset === null) return undefined;
  const position = edge + startTimeOffset;
  return partList?.find(({ start, end }) => start <= position && position < end);
}
