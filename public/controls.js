// The controls of the player: poster, control bar, keyboard. Shared by the watch page and the embed page.

import { createAudioFace } from './audio-face.js';
import { control, relabel } from './control-button.js';
import { element, setText } from './dom.js';
import { formatSeconds } from './format.js';
import { createFullscreen } from './full-screen.js';
import { listenToKeys } from './keys.js';
import { announceMedia } from './media-session.js';
import { placePanels } from './panel-place.js';
import { createPoster } from './poster.js';
import { createQualityMenu } from './quality-menu.js';
import { createScrubBar } from './scrub-bar.js';
import { createUnmute, createVolume } from './sound.js';
import { createStatsPanel } from './stats-panel.js';

/** Milliseconds without pointer movement after which the control bar is hidden. */
const IDLE = 2_600;
/** States in which there is something to pause, mute or watch. */
const PLAYABLE = new Set(['starting', 'playing', 'reconnecting']);

/**
 * @param {{player: import('./player.js').LivePlayer, video: HTMLVideoElement, frame: HTMLElement,
 *   stream: {app: string, name: string, thumbnail: string}, bar?: boolean, extra?: Node[], below?: HTMLElement}} options
 * `frame`: the element that goes full screen and holds the controls; `bar`: false shows only poster and unmute button; `extra`: additional
 * buttons; `below`: where menus are placed on a screen that they would cover
 */
export function createControls({ player, video, frame, stream, bar = true, extra = [], below }) {
  const fullscreen = createFullscreen(frame, video);
  frame.append(
    createAudioFace(player, video, stream),
    createPoster(player, video, { title: stream.name, onFullscreen: fullscreen.toggle }),
    createAwayNote(player),
    createUnmute(player, video),
  );
  announceMedia(player, stream);
  if (!bar) return;
  const stats = createStatsPanel(player, video);
  const quality = createQualityMenu(player);
  const scrub = createScrubBar(player);
  const pip = createPictureInPicture(video);
  const statsButton = control('stats', 'Statistics (s)', () => stats.toggle());
  statsButton.classList.add('optional');
  const row = element(
    'div',
    { class: 'bar', role: 'group', 'aria-label': 'Player controls' },
    scrub.root,
    createPlayButton(player, video),
    createVolume(video),
    createLiveButton(player),
    element('span', { class: 'spacer' }),
    ...extra,
    quality.root,
    statsButton,
    pip,
    fullscreen.button,
  );
  frame.append(row);
  placePanels({
    below,
    panels: [
      [stats.root, frame],
      [quality.menu, quality.root],
    ],
  });
  hideWhenIdle(frame, video, () => quality.isOpen || scrub.isDragging);
  listenToKeys({ frame, player, video, stats, fullscreen });
  const rest = [...row.querySelectorAll('button, input')].filter((node) => node !== fullscreen.button);
  const dim = () => {
    const isPlayable = PLAYABLE.has(player.state);
    for (const node of rest) node.inert = !isPlayable;
  };
  player.addEventListener('state', dim);
  dim();
}

/** Shown with a slate: its picture may move, so only a note shows that it is not the broadcaster's. */
function createAwayNote(player) {
  const note = element('p', { class: 'away-note', role: 'status' });
  const update = () => {
    note.hidden = !player.away;
    setText(note, player.away ? 'The broadcaster is away' : '');
  };
  for (const type of ['broadcast', 'state']) player.addEventListener(type, update);
  update();
  return note;
}

function createPlayButton(player, video) {
  const button = control('play', 'Play (k)', () => player.toggle());
  const update = () => (video.paused ? relabel(button, 'play', 'Play (k)') : relabel(button, 'pause', 'Pause (k)'));
  for (const type of ['play', 'pause', 'emptied']) video.addEventListener(type, update);
  update();
  return button;
}

/** Red at the live edge, with the measured latency; leads back to live when behind. */
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
    button.title = behind ? 'Jump to the live edge (l)' : 'Measured delay behind the encoder';
  };
  for (const type of ['state', 'position']) player.addEventListener(type, update);
  update();
  return button;
}

function createPictureInPicture(video) {
  if (!document.pictureInPictureEnabled) return false;
  const button = control('pip', 'Picture in picture', async () => {
    if (document.pictureInPictureElement === video) await document.exitPictureInPicture();
    else if (video.videoWidth > 0) await video.requestPictureInPicture();
  });
  button.classList.add('optional', 'pip');
  return button;
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
