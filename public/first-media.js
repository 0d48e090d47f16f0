// Shows the first picture sooner: starts where a picture can be decoded at once, and requests video and audio at the same time. hls.js
// makes these requests one after the other (playlist, header, video, then header and audio), each costing a round trip. What is fetched
// here is in the browser's cache when hls.js asks for it, because file names are never reused.

import { Hls } from './vendor/hls.mjs';

/** Seconds from the end of the playlist that may be too few to play without a stall. */
const MARGIN = 0.9;
/**
 * Seconds after the start of the part: audio starts up to one of its frames after the video, and must not be searched for in the previous
 * part.
 */
const INSIDE = 0.06;
/** bit/s. On connections that are at least this fast, the parts between a key frame and live are loaded before anybody notices. */
const FAST = 10_000_000;

/** Rate in bit/s at which hls.js itself was loaded; undefined if it came from the cache. */
export function lineSpeed() {
  const script = performance.getEntriesByType('resource').find(({ name }) => name.endsWith('/vendor/hls.mjs'));
  if (script === undefined || script.transferSize === 0 || script.encodedBodySize === 0) return undefined;
  const seconds = (script.responseEnd - script.responseStart) / 1000;
  return seconds > 0 ? (script.encodedBodySize * 8) / seconds : undefined;
}

/**
 * Changes a playlist so that the player starts at the newest independent part, at some distance from its end. Otherwise the few seconds up to
 * live would have to be loaded first; hls.js catches up by playing faster.
 * @param {string} playlist playlist of one rendition
 * @param {string} url its URL
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

/** Seconds since the response of a preloaded request arrived; live has moved on since then. */
function ageOf(url) {
  const answer = performance.getEntriesByName(url, 'resource').at(-1);
  return answer === undefined ? 0 : (performance.now() - answer.responseEnd) / 1000;
}

/**
 * @param {Hls} hls before it has loaded anything
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
    // A failure will occur again, and be reported, in hls.js's own request.
    fetch(media.url).then(
      (response) => response.arrayBuffer(),
      () => undefined,
    );
  };
  // hls.js starts only when the whole segment is there, which may take seconds.
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
