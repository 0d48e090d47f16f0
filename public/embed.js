// The iframe page: only the player, controlled by URL parameters and by messages from the surrounding page.

import { createControls } from './controls.js';
import { element, icon } from './dom.js';
import { exposeState } from './page-state.js';
import { LivePlayer } from './player.js';
import { beginsMuted } from './sound.js';
import { keepToken, streamAddresses, streamOfThisPage } from './stream-address.js';
import { posterFromThumbnail } from './thumbnail.js';

const stream = streamOfThisPage();
const parameters = new URLSearchParams(location.search);
const video = document.querySelector('video');
const frame = document.querySelector('.player');

document.querySelector('h1').textContent = stream.name;
video.muted = flag('muted', beginsMuted());
const player = new LivePlayer(video, { source: stream.playlist, api: stream.api, autoplay: flag('autoplay', true) });
posterFromThumbnail(player, video, stream);
const state = exposeState(player, video);
const watchLink = element(
  'a',
  { class: 'control optional', href: stream.ownWatch, target: '_blank', rel: 'noopener', title: 'Open the watch page' },
  icon('away'),
);
watchLink.setAttribute('aria-label', 'Open the watch page');
createControls({ player, video, frame, stream, bar: flag('controls', true), extra: [watchLink] });

/** `?muted`, `?muted=1` and `?muted=true` mean yes; `0`, `false` and `no` mean no. */
function flag(name, fallback) {
  const value = parameters.get(name);
  return value === null ? fallback : !['0', 'false', 'no', 'off'].includes(value.toLowerCase());
}

/** Commands of the surrounding page; docs/embedding.md. @type {Record<string, (value: unknown) => void>} */
const COMMANDS = {
  play: () => player.play(),
  pause: () => player.pause(),
  mute: () => {
    video.muted = true;
  },
  unmute: () => {
    video.muted = false;
  },
  setVolume: (value) => {
    if (typeof value === 'number' && value >= 0 && value <= 1) video.volume = value;
  },
  goLive: () => player.goLive(),
  seekBehind: (value) => {
    if (typeof value === 'number' && value >= 0) player.seekBehind(value);
  },
  setLevel: (value) => {
    const level = player.playback.levels.find(({ name }) => name === value);
    if (value === 'auto' || level !== undefined) player.playback.chooseLevel(level?.index ?? -1);
  },
  /** A new token, for a viewer whose old one has ended. */
  setToken: (value) => {
    if (typeof value !== 'string' || value === '') return;
    keepToken(value);
    player.source = streamAddresses(stream.app, stream.name, value).playlist;
  },
  getState: () => announce('state'),
};

function announce(event, more = {}) {
  if (window.parent === window) return;
  // Nothing in this message is secret: any site may embed the page.
  window.parent.postMessage(
    { source: 'sluice', event, app: stream.app, name: stream.name, ...snapshot(), ...more },
    '*',
  );
}

function snapshot() {
  const { latency, resuming, away, trouble, window: kept, level, levels, automaticLevel, muted, paused } = state;
  return {
    state: state.state,
    resuming,
    away,
    trouble,
    window: kept,
    latency,
    level,
    levels,
    automaticLevel,
    muted,
    paused,
    volume: video.volume,
  };
}

window.addEventListener('message', ({ source, data }) => {
  if (source !== window.parent || data?.target !== 'sluice' || typeof data.command !== 'string') return;
  if (Object.hasOwn(COMMANDS, data.command)) COMMANDS[data.command](data.value);
});
player.addEventListener('state', () => announce('state'));
player.addEventListener('level', () => announce('level'));
player.addEventListener('broadcast', () => announce('broadcast'));
player.addEventListener('trouble', () => {
  announce('trouble');
  if (player.trouble === 'token-expired') announce('token-expired');
});
for (const type of ['play', 'pause', 'volumechange']) video.addEventListener(type, () => announce(type));
player.addEventListener('timed-event', ({ detail: timedEvent }) => announce('timed-event', { timedEvent }));
announce('ready');
