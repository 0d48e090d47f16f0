// Helps hls.js reach the end of a low-latency stream, so that viewers see its last pictures and then that it has ended.

import { Hls } from './vendor/hls.mjs';

/** Milliseconds without progress after which nothing more is expected to be buffered. */
const STANDSTILL = 800;

/**
 * hls.js 1.7 stalls forever in two cases when EXT-X-ENDLIST comes (compare its issue 4463): a last part that arrives together with the tag
 * is never loaded, because its segment counts as loaded; and video that is more than half a part longer than its audio never counts as
 * buffered to the end. So the last segment is loaded again as a whole, and if playback then stops, the buffers are declared complete.
 *
 * @param {Hls} hls
 * @param {HTMLVideoElement} video
 */
export function playToTheEnd(hls, video) {
  let ending = false;
  let timer;

  const reloadWhole = (event) => {
    const onUpdated = (_event, { details }) => {
      if (details.live) return;
      ending = true;
      hls.off(event, onUpdated);
      hls.lowLatencyMode = false;
      // Not within this event: the other handlers of this playlist have not run yet.
      setTimeout(() => {
        if (hls.media === null || video.ended) return;
        hls.stopLoad();
        hls.startLoad(video.currentTime, true);
      });
    };
    hls.on(event, onUpdated);
  };

  const onWaiting = () => {
    clearTimeout(timer);
    const stoodAt = video.currentTime;
    timer = setTimeout(() => {
      const stands = video.currentTime === stoodAt && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
      if (ending && stands && hls.media !== null) hls.trigger(Hls.Events.BUFFER_EOS, {});
    }, STANDSTILL);
  };

  // Audio and video have separate playlists and learn about the end one after the other.
  reloadWhole(Hls.Events.LEVEL_UPDATED);
  reloadWhole(Hls.Events.AUDIO_TRACK_UPDATED);
  video.addEventListener('waiting', onWaiting);
  hls.on(Hls.Events.DESTROYING, () => {
    clearTimeout(timer);
    video.removeEventListener('waiting', onWaiting);
  });
}
