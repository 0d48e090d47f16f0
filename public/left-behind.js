// Works around hls.js 1.7.4: after a change of level on an error it looks in the new playlist for what follows the fragment it had
// last. Where nothing does, as after a restart of the gateway, it neither loads nor seeks, and reports no error.

import { Hls } from './vendor/hls.mjs';

/**
 * Takes a viewer who waits for media that the playlist has left behind to live.
 * @param {Hls} hls
 * @param {HTMLVideoElement} video
 */
export function followThePlaylist(hls, video) {
  hls.on(Hls.Events.LEVEL_UPDATED, (_event, { details }) => {
    if (video.readyState === 0 || video.paused || video.currentTime >= details.fragmentStart) return;
    if (isBuffered(video) || hls.liveSyncPosition === null) return;
    video.currentTime = hls.liveSyncPosition;
  });
}

/** What was loaded before the playlist went on is played to its end. */
function isBuffered({ buffered, currentTime }) {
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) <= currentTime && currentTime < buffered.end(i) - 0.1) return true;
  }
  return false;
}
