// Shows a thumbnail of the stream where no video plays yet: as the poster of the player, and on the cards of the list.

import { readState } from './broadcast.js';
import { serverNow } from './server-clock.js';

/** Milliseconds. The same for everybody at the same time, so that caches need to keep only one. */
const STEP = 10_000;
/** Milliseconds within which video usually appears. */
const PATIENCE = 700;

/** The address of the current thumbnail. @param {string} thumbnail absolute URL */
export function thumbnailNow(thumbnail) {
  const url = new URL(thumbnail);
  url.searchParams.set('at', String(Math.floor(serverNow() / STEP)));
  return url.href;
}

/** @returns {Promise<HTMLImageElement | undefined>} ready to be shown; undefined if it cannot be loaded */
export async function loadPicture(address) {
  const image = new Image();
  image.alt = '';
  image.src = address;
  try {
    await image.decode();
    return image;
  } catch {
    return undefined;
  }
}

/**
 * Shows the thumbnail until there is video. Only if the API says that there is one, because browsers log each 404.
 * @param {import('./player.js').LivePlayer} player
 * @param {HTMLVideoElement} video
 * @param {{api: string, thumbnail: string}} stream
 */
export function posterFromThumbnail(player, video, { api, thumbnail }) {
  player.addEventListener('state', async ({ detail: { state } }) => {
    if (state === 'waiting' || state === 'ended') video.removeAttribute('poster');
    if (state !== 'starting') return;
    // Video is on its way, and must not share the connection with a picture that it will cover at once.
    if (player.wantsPlay) await new Promise((resolve) => setTimeout(resolve, PATIENCE));
    if (player.state === 'waiting' || player.state === 'ended') return;
    const known = await readState(api);
    if (!known?.thumbnail) return;
    const address = thumbnailNow(thumbnail);
    const picture = await loadPicture(address);
    if (picture === undefined || player.state === 'waiting' || player.state === 'ended') return;
    video.poster = address;
    video.dispatchEvent(new Event('poster'));
  });
}
