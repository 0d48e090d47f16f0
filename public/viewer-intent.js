// Whether the viewer wants to watch or has paused, by whatever means: our buttons, media keys, picture in picture, the operating
// system. A browser pauses too, in tabs that nobody sees, and that is nobody's wish.

export class ViewerIntent {
  #video;
  #isPlaying;
  #wantsPlay;
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
  }

  get wantsPlay() {
    return this.#wantsPlay;
  }

  set wantsPlay(value) {
    this.#wantsPlay = value;
  }

  close() {
    this.#listeners.abort();
  }

  #onPause() {
    const isSeen = !document.hidden || document.pictureInPictureElement === this.#video;
    if (!this.#isPlaying() || !this.#wantsPlay || this.#video.ended || !isSeen) return;
    this.#wantsPlay = false;
  }
}
