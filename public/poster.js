// What lies over the picture while nothing plays: what is going on, and the button that starts it.

import { element, icon, setText } from './dom.js';

/** What the poster says, by state. @type {Record<string, {title: string, text: string, busy: boolean}>} */
const POSTERS = {
  waiting: { title: 'Offline', text: 'Playback begins by itself as soon as the stream does.', busy: false },
  starting: { title: 'Starting…', text: '', busy: true },
  reconnecting: { title: 'Reconnecting…', text: 'The stream was interrupted.', busy: true },
  resuming: { title: 'The broadcaster is reconnecting…', text: 'The picture comes back by itself.', busy: true },
  ended: { title: 'The stream has ended', text: 'If it comes back, so does the picture.', busy: false },
  unsupported: { title: 'Cannot play here', text: 'This browser cannot decode the stream.', busy: false },
};

/**
 * @param {import('./player.js').LivePlayer} player
 * @param {HTMLVideoElement} video
 * @param {string} title
 */
export function createPoster(player, video, title) {
  const heading = element('p', { class: 'poster-title' });
  const text = element('p', { class: 'poster-text' });
  const start = element(
    'button',
    { type: 'button', class: 'big-play', 'aria-label': 'Play', onclick: () => player.play() },
    icon('play'),
  );
  const poster = element(
    'div',
    { class: 'poster' },
    element('div', { class: 'poster-mark', 'aria-hidden': 'true' }, icon('signal')),
    element('p', { class: 'poster-name' }, title),
    element('div', { role: 'status', 'aria-live': 'polite' }, heading, text),
  );
  let buffering = false;
  const update = () => {
    const saying = POSTERS[player.resuming ? 'resuming' : player.state];
    poster.hidden = saying === undefined && !buffering;
    poster.classList.toggle('busy', saying?.busy ?? buffering);
    // Over a picture the message is a veil, without one it is the whole face.
    poster.classList.toggle(
      'over-picture',
      (video.readyState >= 2 || video.poster !== '') && player.state !== 'waiting' && player.state !== 'ended',
    );
    setText(heading, saying?.title ?? '');
    setText(text, saying?.text ?? '');
    start.hidden = !((player.state === 'playing' || player.state === 'starting') && video.paused && !buffering);
  };
  const buffer = (value) => () => {
    buffering = value;
    update();
  };
  player.addEventListener('state', update);
  player.addEventListener('broadcast', update);
  video.addEventListener('poster', update);
  video.addEventListener('waiting', buffer(true));
  for (const type of ['playing', 'pause', 'seeked', 'timeupdate']) video.addEventListener(type, buffer(false));
  video.addEventListener('play', update);
  update();
  const holder = element('div', { class: 'poster-holder' }, poster, start);
  playOnClick(player, video);
  return holder;
}

/** A mouse plays and pauses by clicking the picture; a finger only brings the bar back, as on every phone. */
function playOnClick(player, video) {
  let pointer = 'mouse';
  video.addEventListener('pointerdown', (event) => {
    pointer = event.pointerType;
  });
  video.addEventListener('click', () => {
    if (pointer !== 'touch') player.toggle();
  });
}
