// Tells the operating system what is playing, for its lock screen, media keys and picture-in-picture window.

import { rewind, STEP } from './scrub-bar.js';

/**
 * @param {import('./player.js').LivePlayer} player
 * @param {{app: string, name: string, thumbnail: string}} stream
 */
export function announceMedia(player, { app, name, thumbnail }) {
  const { mediaSession } = navigator;
  if (mediaSession === undefined) return;
  const describe = () => {
    const artwork = [{ src: thumbnail, type: 'image/jpeg' }];
    mediaSession.metadata = new MediaMetadata({ title: name, artist: app, artwork });
  };
  const actions = {
    play: () => player.play(),
    pause: () => player.pause(),
    stop: () => player.pause(),
    seekbackward: ({ seekOffset }) => rewind(player, seekOffset ?? STEP),
    seekforward: ({ seekOffset }) => rewind(player, -(seekOffset ?? STEP)),
  };
  for (const [action, handler] of Object.entries(actions)) {
    try {
      mediaSession.setActionHandler(action, handler);
    } catch {
      // This browser does not know the action.
    }
  }
  player.addEventListener('state', ({ detail: { state } }) => {
    if (state === 'playing') describe();
    else if (state === 'ended' || state === 'waiting') mediaSession.metadata = null;
  });
}
