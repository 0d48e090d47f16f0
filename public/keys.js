// Keyboard control of the player: single keys on the whole page, but not while the viewer types, scrolls or moves a slider.

import { rewind, STEP } from './scrub-bar.js';
import { changeVolume, setMuted } from './sound.js';

/**
 * @param {{frame: HTMLElement, player: import('./player.js').LivePlayer, video: HTMLVideoElement,
 *   stats: {toggle: () => void}, fullscreen: {toggle: () => void}}} parts
 */
export function listenToKeys({ frame, player, video, stats, fullscreen }) {
  const actions = {
    k: () => player.toggle(),
    m: () => setMuted(video, !video.muted),
    f: () => fullscreen.toggle(),
    l: () => player.goLive(),
    s: () => stats.toggle(),
    arrowleft: () => rewind(player, STEP),
    arrowright: () => rewind(player, -STEP),
    arrowup: () => changeVolume(video, 1),
    arrowdown: () => changeVolume(video, -1),
    home: () => rewind(player, Number.POSITIVE_INFINITY),
    end: () => player.goLive(),
  };
  actions[' '] = actions.k;
  document.addEventListener('keydown', (event) => {
    const action = actions[event.key.toLowerCase()];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isForOthers(event, frame)) return;
    event.preventDefault();
    action();
  });
}

function isForOthers({ key, target }, frame) {
  const isWithin = frame.contains(target);
  if (target instanceof Element && target !== document.body && !isWithin) return true;
  if (key === ' ' && target instanceof HTMLButtonElement) return true;
  const isMove = ['Home', 'End', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].includes(key);
  if (isMove && target instanceof HTMLInputElement) return true;
  // On a page that is taller than its window these keys scroll, unless the focus is in the player.
  const scrolls = ['Home', 'End', 'ArrowUp', 'ArrowDown'].includes(key);
  return scrolls && !isWithin && document.fullscreenElement === null && pageScrolls();
}

function pageScrolls() {
  const { scrollHeight, clientHeight } = document.documentElement;
  return scrollHeight > clientHeight;
}
