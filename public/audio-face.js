// The picture for a stream without video: its own colour, its name, and a note that nothing is missing.

import { element, icon } from './dom.js';
import { hueOf } from './hue.js';

/**
 * @param {import('./player.js').LivePlayer} player
 * @param {HTMLVideoElement} video
 * @param {{app: string, name: string}} stream
 */
export function createAudioFace(player, video, { app, name }) {
  const bars = element('div', { class: 'audio-bars', 'aria-hidden': 'true' });
  for (let bar = 0; bar < 5; bar += 1) bars.append(element('span'));
  const face = element(
    'div',
    { class: 'audio-face', hidden: true },
    bars,
    element('p', { class: 'audio-name' }, name),
    element('p', { class: 'audio-kind' }, icon('sound'), 'Audio only'),
  );
  face.style.setProperty('--hue', String(hueOf(`${app}/${name}`)));
  const update = () => {
    face.hidden =
      player.state !== 'playing' || video.readyState < HTMLMediaElement.HAVE_METADATA || video.videoWidth > 0;
    face.classList.toggle('still', video.paused);
  };
  player.addEventListener('state', update);
  for (const type of ['loadedmetadata', 'resize', 'playing', 'pause', 'emptied']) video.addEventListener(type, update);
  return face;
}
