// Covers the picture while nothing plays: shows what is going on, and the button that starts playback.

import { element, icon, setText } from './dom.js';

/** Texts of the poster. @type {Record<string, {title: string, text: string, busy: boolean, icon?: string}>} */
const POSTERS = {
  waiting: { title: 'Offline', text: 'Playback starts as soon as the stream does.', busy: false },
  starting: { title: 'Starting…', text: '', busy: true },
  reconnecting: { title: 'Reconnecting…', text: 'The stream was interrupted.', busy: true },
  resuming: { title: 'The broadcaster is reconnecting…', text: 'The picture comes back by itself.', busy: true },
  ended: { title: 'The stream has ended', text: 'If it starts again, so does playback.', busy: false },
  unsupported: {
    title: 'Cannot play here',
    text: 'This browser cannot decode this stream. Try another browser, or open the playlist in a player such as VLC.',
    busy: false,
    icon: 'warning',
  },
  viewer: {
    title: 'You are offline',
    text: 'This device has no network connection. Playback continues when it is back.',
    busy: true,
  },
  server: { title: 'No answer from the server', text: 'Trying again until it does.', busy: true },
  'token-required': {
    title: 'For invited viewers',
    text: 'Open the link that you were given: this one lacks the part that lets you in.',
    busy: false,
    icon: 'warning',
  },
  'token-refused': {
    title: 'This link does not let you in',
    text: 'It is for another stream, not valid yet, or was revoked. Ask for a new one.',
    busy: false,
    icon: 'warning',
  },
  'token-expired': {
    title: 'This link has expired',
    text: 'Ask for a new one.',
    busy: false,
    icon: 'warning',
  },
};

/**
 * @param {import('./player.js').LivePlayer} player
 * @param {HTMLVideoElement} video
 * @param {{title: string, onFullscreen: () => void}} options
 */
export function createPoster(player, video, { title, onFullscreen }) {
  const heading = element('p', { class: 'poster-title' });
  const text = element('p', { class: 'poster-text' });
  const mark = element('div', { class: 'poster-mark', 'aria-hidden': 'true' }, icon('signal'), icon('warning'));
  const start = element(
    'button',
    { type: 'button', class: 'big-play', 'aria-label': 'Play', onclick: () => player.play() },
    icon('play'),
  );
  const poster = element(
    'div',
    { class: 'poster' },
    mark,
    element('p', { class: 'poster-name' }, title),
    element('div', { role: 'status', 'aria-live': 'polite' }, heading, text),
  );
  let ranDry = false;
  const update = () => {
    const buffering = ranDry && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    const saying = POSTERS[subject(player, buffering)];
    poster.hidden = saying === undefined && !buffering;
    poster.classList.toggle('busy', saying?.busy ?? buffering);
    poster.classList.toggle('warns', saying?.icon === 'warning');
    // Over a picture the message is translucent; without one it fills the player.
    const hasPicture = video.readyState >= 2 || video.poster !== '';
    poster.classList.toggle(
      'over-picture',
      hasPicture && ['starting', 'playing', 'reconnecting'].includes(player.state),
    );
    setText(heading, saying?.title ?? '');
    setText(text, saying?.text ?? '');
    const canStart = player.state === 'playing' || (player.state === 'starting' && !player.wantsPlay);
    start.hidden = !(canStart && video.paused && !buffering);
  };
  const note = (value) => () => {
    ranDry = value;
    update();
  };
  for (const type of ['state', 'broadcast', 'trouble']) player.addEventListener(type, update);
  video.addEventListener('poster', update);
  video.addEventListener('waiting', note(true));
  for (const type of ['playing', 'pause', 'seeked', 'emptied']) video.addEventListener(type, note(false));
  for (const type of ['play', 'canplay', 'timeupdate']) video.addEventListener(type, update);
  start.addEventListener('click', update);
  update();
  const holder = element('div', { class: 'poster-holder' }, poster, start);
  listenToClicks(player, video, onFullscreen);
  return holder;
}

/** A key of POSTERS; undefined if there is nothing to say. */
function subject(player, buffering) {
  const { state, trouble } = player;
  if (state === 'ended' || state === 'unsupported') return state;
  // A picture that still plays is not covered because of a possible problem.
  if (trouble !== undefined && (state !== 'playing' || buffering)) return trouble;
  if (player.resuming) return 'resuming';
  // Nothing starts before the viewer asks for it; the button shows what to do.
  if (state === 'starting' && !player.wantsPlay) return undefined;
  return state;
}

/**
 * A mouse plays and pauses with a click on the picture, and toggles full screen with a double click; a touch only shows the control bar, as
 * on every phone.
 */
function listenToClicks(player, video, onFullscreen) {
  let pointer = 'mouse';
  video.addEventListener('pointerdown', (event) => {
    pointer = event.pointerType;
  });
  video.addEventListener('click', () => {
    if (pointer !== 'touch') player.toggle();
  });
  video.addEventListener('dblclick', () => {
    // The two clicks of a double click have paused and resumed playback.
    if (pointer !== 'touch') onFullscreen();
  });
}
