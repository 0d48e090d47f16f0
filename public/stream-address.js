// Derives the stream of a page from its own address, and the addresses of everything that belongs to that stream.

/**
 * The token in the address of this page, with which the viewer may watch. It is taken out of the address bar, so that it is not shown, copied
 * or bookmarked; the history keeps it for a reload of the page.
 * @returns {string | undefined}
 */
export function takeToken() {
  const address = new URL(location.href);
  const token = address.searchParams.get('token');
  if (token === null) return history.state?.token;
  address.searchParams.delete('token');
  keepToken(token, address);
  return token;
}

/** Keeps a token for a reload of the page. @param {string} token @param {URL | string} [address] of the page from now on */
export function keepToken(token, address = location.href) {
  try {
    history.replaceState({ ...history.state, token }, '', address);
  } catch {
    // Some sandboxed frames may not change their address, which nobody sees there either.
  }
}

/**
 * Pages are at `…/watch/{app}/{name}` and `…/embed/{app}/{name}`; `<base>` points to the mount point.
 * @returns {{app: string, name: string, playlist: string, thumbnail: string, api: string, watch: string, ownWatch: string,
 *   embed: string, fromStart: (id: string) => string}} absolute URLs
 */
export function streamOfThisPage() {
  const [app = '', name = ''] = location.pathname.split('/').slice(-2).map(decodeURIComponent);
  return streamAddresses(app, name, takeToken());
}

/** @param {string} [token] with which the stream may be watched */
export function streamAddresses(app, name, token) {
  const path = `${encodeURIComponent(app)}/${encodeURIComponent(name)}`;
  const absolute = (relative) => new URL(relative, document.baseURI).href;
  const withToken = (relative) => {
    const url = new URL(relative, document.baseURI);
    if (token !== undefined) url.searchParams.set('token', token);
    return url.href;
  };
  return {
    app,
    name,
    playlist: withToken(`hls/${path}/index.m3u8`),
    thumbnail: withToken(`hls/${path}/thumbnail.jpg`),
    api: absolute(`api/v1/streams/${path}`),
    watch: absolute(`watch/${path}`),
    /** For this viewer alone. */
    ownWatch: withToken(`watch/${path}`),
    embed: absolute(`embed/${path}`),
    /** The beginning of the stream, for this viewer alone. @param {string} id of its recording */
    fromStart: (id) => withToken(`recordings/${id}?t=0`),
  };
}
