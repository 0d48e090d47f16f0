// The playlist loader for hls.js: gives it the playlists that the page has already read, and avoids blocking reloads if the browser's
// connections are scarce.

import { beginAtKeyFrame } from './first-media.js';
import { Hls } from './vendor/hls.mjs';

/** Milliseconds after which a playlist that was read before is too old to start with. */
const FRESH = 1_500;

/**
 * @param {() => boolean} mayWait whether playlist requests may block
 * @param {ReadonlyMap<string, string>} known playlists that were read just now, by URL; each is used once
 */
export function playlistLoader(mayWait, known) {
  const unused = new Map(known);
  /** Kinds of playlists that have been requested. */
  const begun = new Set();
  const readAt = performance.now();

  return class PlaylistLoader extends Hls.DefaultConfig.loader {
    load(context, config, callbacks) {
      const text = performance.now() - readAt < FRESH ? unused.get(context.url) : undefined;
      unused.delete(context.url);
      const isFirst = !begun.has(context.type);
      begun.add(context.type);
      const onSuccess = (response, ...rest) => {
        if (typeof response.data === 'string') {
          if (!mayWait()) response.data = withoutWaiting(response.data);
          else if (isFirst && context.type === 'level') response.data = beginAtKeyFrame(response.data, context.url);
        }
        callbacks.onSuccess(response, ...rest);
      };
      if (text === undefined) super.load(context, config, { ...callbacks, onSuccess });
      else this.#answer(text, context, onSuccess);
    }

    /** Never called within `load`: hls.js does not expect an answer before its request is complete. */
    #answer(text, context, onSuccess) {
      const { stats } = this;
      const now = performance.now();
      stats.loading = { start: now, first: now, end: now };
      stats.loaded = text.length;
      stats.total = text.length;
      queueMicrotask(() => {
        if (!stats.aborted) onSuccess({ url: context.url, data: text, code: 200 }, stats, context, null);
      });
    }
  };
}

/** hls.js follows the playlist: if it does not offer blocking reloads, it is polled. */
function withoutWaiting(playlist) {
  return playlist.replace(/CAN-BLOCK-RELOAD=YES,?/, '');
}
