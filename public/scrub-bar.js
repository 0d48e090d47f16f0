// The slider for rewinding a stream with a DVR window, from its oldest picture to live, for mouse, finger and keyboard.

import { element, setText } from './dom.js';
import { formatDuration } from './format.js';

/** Seconds per arrow key press. */
export const STEP = 10;
const PAGE = 60;
/** Seconds from live that count as live, because nobody hits the end of a slider exactly. */
const SNAP = 3;

/** @param {import('./player.js').LivePlayer} player @param {number} seconds how far back; negative: forward */
export function rewind(player, seconds) {
  const { window } = player;
  if (window !== undefined) go(player, window.behind + seconds);
}

function go(player, behind) {
  player.seekBehind(behind < SNAP ? 0 : behind);
}

/**
 * Hidden if there is nothing to go back to. The button that leads to live is the LIVE button.
 * @param {import('./player.js').LivePlayer} player
 */
export function createScrubBar(player) {
  const slider = element('input', {
    type: 'range',
    min: '0',
    step: '1',
    class: 'scrub-range',
    'aria-label': 'Time in the stream',
  });
  const time = element('span', { class: 'scrub-time', 'aria-hidden': 'true' });
  const root = element('div', { class: 'scrub', hidden: true }, slider, time);
  let dragging = false;

  const behindOfSlider = () => Number(slider.max) - Number(slider.value);

  const label = (behind) => {
    const live = behind < SNAP || !player.behindLive;
    setText(time, live && !dragging ? '' : `−${formatDuration(behind)}`);
    slider.setAttribute('aria-valuetext', live ? 'live' : `${spoken(behind)} behind live`);
    const share = Number(slider.max) === 0 ? 1 : Number(slider.value) / Number(slider.max);
    slider.style.setProperty('--filled', `${share * 100}%`);
  };

  const update = () => {
    const { window } = player;
    root.hidden = window === undefined && !dragging;
    if (window === undefined || dragging) return;
    slider.max = String(Math.round(window.length));
    slider.value = String(Math.round(window.length - window.behind));
    label(window.behind);
  };

  slider.addEventListener('input', () => {
    dragging = true;
    label(behindOfSlider());
  });
  slider.addEventListener('change', () => {
    dragging = false;
    go(player, behindOfSlider());
    update();
  });
  slider.addEventListener('pointercancel', () => {
    dragging = false;
    update();
  });
  slider.addEventListener('keydown', (event) => {
    const moves = {
      ArrowLeft: () => rewind(player, STEP),
      ArrowDown: () => rewind(player, STEP),
      ArrowRight: () => rewind(player, -STEP),
      ArrowUp: () => rewind(player, -STEP),
      PageDown: () => rewind(player, PAGE),
      PageUp: () => rewind(player, -PAGE),
      Home: () => go(player, Number(slider.max)),
      End: () => player.goLive(),
    };
    if (!Object.hasOwn(moves, event.key)) return;
    moves[event.key]();
    update();
    event.preventDefault();
    event.stopPropagation();
  });
  for (const type of ['state', 'position']) player.addEventListener(type, update);
  update();
  return {
    root,
    get isDragging() {
      return dragging;
    },
  };
}

/** Seconds as text for a screen reader. */
function spoken(seconds) {
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 3600), 'hour'],
    [Math.floor(whole / 60) % 60, 'minute'],
    [whole % 60, 'second'],
  ];
  const named = parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`);
  return named.join(' ') || '0 seconds';
}
