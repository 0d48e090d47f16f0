// Full screen of the player with its controls; on iPhones of the video alone, which is all that they allow.

import { control, relabel } from './control-button.js';

/** @param {HTMLElement} frame @param {HTMLVideoElement} video */
export function createFullscreen(frame, video) {
  const toggle = async () => {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else if (frame.requestFullscreen) await frame.requestFullscreen();
    else video.webkitEnterFullscreen?.();
  };
  const button = control('fullscreen', 'Full screen (f)', toggle);
  // A frame that was not allowed to: a button that does nothing is worse than none.
  button.hidden = document.fullscreenEnabled === false && video.webkitEnterFullscreen === undefined;
  document.addEventListener('fullscreenchange', () => {
    if (document.fullscreenElement === null) relabel(button, 'fullscreen', 'Full screen (f)');
    else relabel(button, 'fullscreen-exit', 'Leave full screen (f)');
  });
  return { button, toggle };
}
