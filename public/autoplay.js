// Starts a video as far as the browser lets it: with sound, else muted, else not before the viewer presses play.

/**
 * @param {HTMLVideoElement} video
 * @param {() => void} onMuted it was muted, so that it may play
 * @returns {Promise<boolean>} false where the browser wants a gesture first
 */
export async function playOrMute(video, onMuted) {
  for (;;) {
    try {
      await video.play();
      return true;
    } catch (error) {
      // Anything else is an interruption (AbortError) or a fault that the engine reports.
      if (error.name !== 'NotAllowedError') return true;
      if (video.muted) return false;
      video.muted = true;
      onMuted();
    }
  }
}
