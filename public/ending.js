// Helps hls.js to the end of a low-latency stream, so that viewers see its last pictures and then that it has ended.

import { Hls } from './vendor/hls.mjs';

/** Milliseconds of standing still after which nothing more is expected to be buffered. */
const STANDSTILL = 800;

/**
 * hls.js 1.7 stalls for ever in two cases when EXT-X-ENDLIST comes (compare its issue 4463):
 * a last part that arrives together with the tag is never loaded, because the segment that it belongs to counts as loaded; and
 * a picture that outlasts its sound by more than half a part never counts as buffered to the end.
 * So the last segment is loaded once more as a whole, and if playback then stands still, the buffers are declared complete.
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
      // Not inside its own event: the other handlers of this playlist have not run yet.
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

  // Audio and video have playlists of their own and learn of the end one after the other.
  reloadWhole(Hls.Events.LEVEL_UPDATED);
  reloadWhole(Hls.Events.AUDIO_TRACK_UPDATED);
  video.addEventListener('waiting', onWaiting);
  hls.on(Hls.Events.DESTROYING, () => {
    clearTimeout(timer);
    video.removeEventListener('waiting', onWaiting);
  });
}
