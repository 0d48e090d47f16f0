// How far back a live stream can be watched, in seconds before its live edge, with either engine.

/** Minimum duration of the playlist in seconds for rewinding to make sense. */
const WORTH_REWINDING = 60;
/** Distance in seconds from the end that the window is about to lose, so that requested media still exists when the request arrives. */
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

/** The position in the video that is this many seconds behind live; undefined while unknown. */
export function seekTarget(hls, video, behind) {
  const edges = edgesOf(hls, video);
  return edges && Math.min(edges.live, Math.max(edges.oldest, edges.live - behind));
}

/** `live`: the position at which a viewer normally plays. */
function edgesOf(hls, video) {
  const { seekable } = video;
  if (seekable.length === 0) return undefined;
  const end = seekable.end(seekable.length - 1);
  const live = hls === null ? end : (hls.liveSyncPosition ?? end);
  return { oldest: Math.min(live, seekable.start(0) + MARGIN), live };
}
