// Works around a bug in hls.js 1.7.4: when it switches levels after an error, it looks in the new playlist for the successor of its last
// fragment. If there is none, for example after a restart of the gateway, it neither loads nor seeks, and reports no error.

import { Hls } from './vendor/hls.mjs';

/**
 * Moves a viewer who waits for media that has left the playlist to live.
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

/** Media that is already loaded is played to its end first. */
function isBuffered({ buffered, currentTime }) {
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) <= currentTime && currentTime < buffered.end(i) - 0.1) return true;
  }
  return false;
}
