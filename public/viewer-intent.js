// Whether the viewer wants to watch or has paused, by any means: our buttons, media keys, picture in picture, the operating system. A
// browser also pauses in hidden tabs, which is not the viewer's wish.

export class ViewerIntent {
  #video;
  #isPlaying;
  #wantsPlay;
  #listeners = new AbortController();

  /**
   * @param {HTMLVideoElement} video
   * @param {{wantsPlay: boolean, isPlaying: () => boolean, onPlay: () => void}} options
   * `isPlaying`: what is shown is the stream, so that changes of the video are not caused by us;
   * `onPlay`: the viewer continues after a pause
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
