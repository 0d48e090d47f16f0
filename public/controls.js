// The face of the player: unmute, control bar, keyboard. Shared by the watch page and the embed.

import { element, icon, setIcon, setText } from './dom.js';
import { formatSeconds } from './format.js';
import { createPoster } from './poster.js';
import { createQualityMenu } from './quality-menu.js';
import { createScrubBar, rewind, STEP } from './scrub-bar.js';
import { createStatsPanel } from './stats-panel.js';

/** Milliseconds without a pointer after which the bar gets out of the picture. */
const IDLE = 2_600;
const VOLUME_KEY = 'sluice.volume';

/**
 * @param {{player: import('./player.js').LivePlayer, video: HTMLVideoElement, frame: HTMLElement, title: string,
 *   bar?: boolean, extra?: Node[]}} options
 *   `frame`: what goes full screen and holds the controls; `bar`: false shows poster and unmute only; `extra`: more buttons
 */
export function createControls({ player, video, frame, title, bar = true, extra = [] }) {
  frame.append(createPoster(player, video, title), createUnmute(player, video));
  if (!bar) return;
  const stats = createStatsPanel(player, video);
  const quality = createQualityMenu(player);
  const play = createPlayButton(player, video);
  const volume = createVolume(video);
  const live = createLiveButton(player);
  const fullscreen = createFullscreen(frame, video);
  const statsButton = control('stats', 'Statistics (s)', () => stats.toggle());
  const scrub = createScrubBar(player);
  const row = element(
    'div',
    { class: 'bar', role: 'group', 'aria-label': 'Player controls' },
    scrub.root,
    play,
    volume,
    live,
    element('span', { class: 'spacer' }),
    ...extra,
    quality.root,
    statsButton,
    createPictureInPicture(video),
    fullscreen.button,
  );
  frame.append(stats.root, row);
  hideWhenIdle(frame, video, () => quality.isOpen || scrub.isDragging);
  listenToKeys({ frame, player, video, stats, fullscreen });
}

function control(iconName, label, onclick) {
  return element(
    'button',
    { type: 'button', class: 'control', 'aria-label': label, title: label, onclick },
    icon(iconName),
  );
}

function relabel(button, iconName, label) {
  setIcon(button.firstElementChild, iconName);
  button.setAttribute('aria-label', label);
  button.title = label;
}

/** Browsers start without sound; a viewer must see that at once and need one press to change it. */
function createUnmute(player, video) {
  const button = element(
    'button',
    {
      type: 'button',
      class: 'unmute',
      hidden: true,
      onclick: () => {
        video.muted = false;
        if (video.volume === 0) video.volume = 1;
      },
    },
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

function createPlayButton(player, video) {
  const button = control('play', 'Play (k)', () => player.toggle());
  const update = () => (video.paused ? relabel(button, 'play', 'Play (k)') : relabel(button, 'pause', 'Pause (k)'));
  video.addEventListener('play', update);
  video.addEventListener('pause', update);
  update();
  return button;
}

function createVolume(video) {
  const button = control('volume', 'Mute (m)', () => {
    video.muted = !video.muted;
  });
  const slider = element('input', {
    type: 'range',
    min: '0',
    max: '1',
    step: '0.05',
    class: 'volume',
    'aria-label': 'Volume',
  });
  slider.addEventListener('input', () => {
    video.volume = Number(slider.value);
    video.muted = video.volume === 0;
  });
  const remembered = Number.parseFloat(recall(VOLUME_KEY) ?? '');
  if (remembered > 0 && remembered <= 1) video.volume = remembered;
  const update = () => {
    const silent = video.muted || video.volume === 0;
    relabel(button, silent ? 'muted' : 'volume', silent ? 'Unmute (m)' : 'Mute (m)');
    slider.value = String(silent ? 0 : video.volume);
    slider.style.setProperty('--filled', `${Number(slider.value) * 100}%`);
    if (!silent) remember(VOLUME_KEY, String(video.volume));
  };
  video.addEventListener('volumechange', update);
  update();
  return element('div', { class: 'volume-group' }, button, slider);
}

/** Red at the live edge with the measured latency; a way back when behind. */
function createLiveButton(player) {
  const label = element('span', { class: 'live-label' }, 'LIVE');
  const latency = element('span', { class: 'live-latency' });
  const button = element(
    'button',
    { type: 'button', class: 'live', onclick: () => player.goLive() },
    element('span', { class: 'dot', 'aria-hidden': 'true' }),
    label,
    latency,
  );
  const update = () => {
    const playing = player.state === 'playing';
    const behind = player.behindLive;
    button.hidden = !playing;
    button.classList.toggle('behind', behind);
    button.disabled = !behind;
    setText(label, behind ? 'Go live' : 'LIVE');
    setText(latency, playing && player.latency !== undefined ? formatSeconds(player.latency) : '');
    button.title = behind ? 'Jump to the live edge (l)' : 'Behind the encoder, measured';
  };
  for (const type of ['state', 'position']) player.addEventListener(type, update);
  update();
  return button;
}

function createPictureInPicture(video) {
  if (!document.pictureInPictureEnabled) return false;
  return control('pip', 'Picture in picture', async () => {
    if (document.pictureInPictureElement === video) await document.exitPictureInPicture();
    else if (video.readyState > 0) await video.requestPictureInPicture();
  });
}

function createFullscreen(frame, video) {
  const toggle = async () => {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else if (frame.requestFullscreen) await frame.requestFullscreen();
    // iPhones let only the video itself fill the screen.
    else video.webkitEnterFullscreen?.();
  };
  const button = control('fullscreen', 'Full screen (f)', toggle);
  document.addEventListener('fullscreenchange', () => {
    if (document.fullscreenElement === null) relabel(button, 'fullscreen', 'Full screen (f)');
    else relabel(button, 'fullscreen-exit', 'Leave full screen (f)');
  });
  return { button, toggle };
}

function hideWhenIdle(frame, video, isBusy) {
  let timer;
  const rest = () => {
    const keep = video.paused || isBusy() || frame.querySelector(':focus-visible') !== null;
    frame.classList.toggle('idle', !keep);
    if (keep) timer = setTimeout(rest, IDLE);
  };
  const wake = () => {
    frame.classList.remove('idle');
    clearTimeout(timer);
    timer = setTimeout(rest, IDLE);
  };
  for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin']) frame.addEventListener(type, wake);
  frame.addEventListener('pointerleave', () => {
    clearTimeout(timer);
    timer = setTimeout(rest, 600);
  });
  wake();
}

function listenToKeys({ frame, player, video, stats, fullscreen }) {
  const actions = {
    k: () => player.toggle(),
    m: () => {
      video.muted = !video.muted;
    },
    f: () => fullscreen.toggle(),
    l: () => player.goLive(),
    s: () => stats.toggle(),
    arrowleft: () => rewind(player, STEP),
    arrowright: () => rewind(player, -STEP),
    home: () => rewind(player, Number.POSITIVE_INFINITY),
    end: () => player.goLive(),
  };
  actions[' '] = actions.k;
  document.addEventListener('keydown', (event) => {
    const { target } = event;
    const elsewhere = target instanceof Element && target !== document.body && !frame.contains(target);
    const pressing = event.key === ' ' && target instanceof HTMLButtonElement;
    const ends = event.key === 'Home' || event.key === 'End';
    const sliding = (ends || event.key.startsWith('Arrow')) && target instanceof HTMLInputElement;
    // Of a page that is longer than its window, unless the viewer has turned to the player.
    const scrolling = ends && !frame.contains(target) && pageScrolls();
    if (elsewhere || pressing || sliding || scrolling || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = actions[event.key.toLowerCase()];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}

function pageScrolls() {
  const { scrollHeight, clientHeight } = document.documentElement;
  return scrollHeight > clientHeight;
}

/** Storage is refused to third-party frames and private windows; a forgotten volume is no loss. */
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
    // See recall.
  }
}
