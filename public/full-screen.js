// Full screen for the player with its controls; on iPhones only for the video, because they allow nothing else.

import { control, relabel } from './control-button.js';

/** @param {HTMLElement} frame @param {HTMLVideoElement} video */
export function createFullscreen(frame, video) {
  const toggle = async () => {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else if (frame.requestFullscreen) await frame.requestFullscreen();
    else video.webkitEnterFullscreen?.();
  };
  const button = control('fullscreen', 'Full screen (f)', toggle);
  // Hidden in a frame that may not go full screen: a button without effect is worse than none.
  button.hidden = document.fullscreenEnabled === false && video.webkitEnterFullscreen === undefined;
  document.addEventListener('fullscreenchange', () => {
    if (document.fullscreenElement === null) relabel(button, 'fullscreen', 'Full screen (f)');
    else relabel(button, 'fullscreen-exit', 'Leave full screen (f)');
  });
  return { button, toggle };
}
