// How far back a live stream can be watched, in seconds before its live edge, whichever engine plays it.

/** Seconds of playlist below which there is nothing to rewind. */
const WORTH_REWINDING = 60;
/** Seconds kept from the end that the window is about to lose, so that what is asked for is still there when it comes. */
const MARGIN = 8;

/**
 * @param {import('./vendor/hls.mjs').Hls | null} hls
 * @param {HTMLVideoElement} video
 * @returns {{length: number, behind: number} | undefined}
 */
export function liveWindow(hls, video) {
  const edges = edgesOf(hls, video);
  if (edges === undefined) return undefined;
  const length = edges.live - edges.oldest;
  if (length < WORTH_REWINDING) return undefined;
  return { length, behind: Math.min(length, Math.max(0, edges.live - video.currentTime)) };
}

/** Where to go in the video for so many seconds behind live; undefined while nothing is known. */
export function seekTarget(hls, video, behind) {
  const edges = edgesOf(hls, video);
  return edges && Math.min(edges.live, Math.max(edges.oldest, edges.live - behind));
}

/** `live`: where a viewer without wishes plays. */
function edgesOf(hls, video) {
  const { seekable } = video;
  if (seekable.length === 0) return undefined;
  const end = seekable.end(seekable.length - 1);
  const live = hls === null ? end : (hls.liveSyncPosition ?? end);
  return { oldest: Math.min(live, seekable.start(0) + MARGIN), live };
}
