// Sound: the unmute button, the volume, and the remembered choice.

import { control, relabel } from './control-button.js';
import { element, icon } from './dom.js';

const VOLUME_KEY = 'sluice.volume';
const MUTED_KEY = 'sluice.muted';
/** Share of the volume range per arrow key press. */
const STEP = 0.05;

/** Whether to start without sound: browsers require that for viewers who have never turned it on. */
export function beginsMuted() {
  return recall(MUTED_KEY) !== 'false';
}

/** Call for a choice of the viewer; what the browser or an embedding page does is not remembered. @param {HTMLVideoElement} video */
export function setMuted(video, muted) {
  video.muted = muted;
  if (!muted && video.volume === 0) video.volume = 1;
  remember(MUTED_KEY, String(muted));
}

/** @param {HTMLVideoElement} video @param {number} steps up; negative: down */
export function changeVolume(video, steps) {
  const from = video.muted ? 0 : video.volume;
  setVolume(video, Math.min(1, Math.max(0, Math.round(from / STEP + steps) * STEP)));
}

function setVolume(video, volume) {
  video.volume = volume;
  video.muted = volume === 0;
  remember(MUTED_KEY, String(volume === 0));
}

/** Browsers start without sound; a viewer must see that at once and be able to change it with one click. */
export function createUnmute(player, video) {
  const button = element(
    'button',
    { type: 'button', class: 'unmute', 'aria-label': 'Unmute', hidden: true, onclick: () => setMuted(video, false) },
    icon('muted'),
    element('span', {}, 'Unmute'),
  );
  const update = () => {
    button.hidden = !video.muted || player.state !== 'playing';
  };
  video.addEventListener('volumechange', update);
  player.addEventListener('state', update);
  return button;
}

export function createVolume(video) {
  const button = control('volume', 'Mute (m)', () => setMuted(video, !video.muted));
  const slider = element('input', {
    type: 'range',
    min: '0',
    max: '1',
    step: String(STEP),
    class: 'volume',
    'aria-label': 'Volume',
  });
  slider.addEventListener('input', () => setVolume(video, Number(slider.value)));
  const remembered = Number.parseFloat(recall(VOLUME_KEY) ?? '');
  if (remembered > 0 && remembered <= 1) video.volume = remembered;
  const update = () => {
    const silent = video.muted || video.volume === 0;
    relabel(button, silent ? 'muted' : 'volume', silent ? 'Unmute (m)' : 'Mute (m)');
    slider.value = String(silent ? 0 : video.volume);
    slider.setAttribute('aria-valuetext', silent ? 'muted' : `${Math.round(video.volume * 100)} %`);
    slider.style.setProperty('--filled', `${Number(slider.value) * 100}%`);
    if (!silent) remember(VOLUME_KEY, String(video.volume));
  };
  video.addEventListener('volumechange', update);
  update();
  return element('div', { class: 'volume-group' }, button, slider);
}

/** Third-party frames and private windows may refuse storage; then the volume is not remembered, which is acceptable. */
function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // See `recall`.
  }
}
