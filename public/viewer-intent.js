// Whether the viewer wants to watch or has paused, by whatever means: our buttons, media keys, picture in picture, the operating
// system. A browser pauses too, in tabs that nobody sees, and that is nobody's wish.

/** Milliseconds. Phones pause a video a moment before they say that the page is hidden. */
const HIDING = 1_000;

export class ViewerIntent {
  #video;
  #isPlaying;
  #wantsPlay;
  #pausedOutside = Number.NEGATIVE_INFINITY;
  #listeners = new AbortController();

  /**
   * @param {HTMLVideoElement} video
   * @param {{wantsPlay: boolean, isPlaying: () => boolean, onPlay: () => void}} options
   *   `isPlaying`: what is seen is the stream, so that what happens to the video is no work of ours;
   *   `onPlay`: the viewer goes on after a pause
   */
  constructor(video, { wantsPlay, isPlaying, onPlay }) {
    this.#video = video;
    this.#isPlaying = isPlaying;
    this.#wantsPlay = wantsPlay;
    const { signal } = this.#listeners;
    video.addEventListener('pause', () => this.#onPause(), { signal });
    video.addEventListener(
      'play',
      () => {
        const goesOn = !this.#wantsPlay;
        this.#wantsPlay = true;
        if (goesOn && isPlaying()) onPlay();
      },
      { signal },
    );
    document.addEventListener('visibilitychange', () => this.#onHidden(), { signal });
  }

  get wantsPlay() {
    return this.#wantsPlay;
  }

  set wantsPlay(value) {
    this.#wantsPlay = value;
    this.#pausedOutside = Number.NEGATIVE_INFINITY;
  }

  close() {
    this.#listeners.abort();
  }

  #onPause() {
    const isSeen = !document.hidden || document.pictureInPictureElement === this.#video;
    if (!this.#isPlaying() || !this.#wantsPlay || this.#video.ended || !isSeen) return;
    this.#wantsPlay = false;
    this.#pausedOutside = performance.now();
  }

  #onHidden() {
    if (document.hidden && performance.now() - this.#pausedOutside < HIDING) this.#wantsPlay = true;
  }
}
