// Starts a video as far as the browser allows: with sound, otherwise muted, otherwise only after the viewer presses play.

/**
 * @param {HTMLVideoElement} video
 * @param {() => void} onMuted called if the video was muted so that it may play
 * @returns {Promise<boolean>} false if the browser requires a gesture of the viewer first
 */
export async function playOrMute(video, onMuted) {
  for (;;) {
    try {
      await video.play();
      return true;
    } catch (error) {
      // Any other error is an interruption (AbortError) or a failure that the engine reports.
      if (error.name !== 'NotAllowedError') return true;
      if (video.muted) return false;
      video.muted = true;
      onMuted();
    }
  }
}
