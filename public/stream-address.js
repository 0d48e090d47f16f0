// Derives the stream of a page from its own address, and the addresses of everything that belongs to that stream.

/**
 * Pages are at `…/watch/{app}/{name}` and `…/embed/{app}/{name}`; `<base>` points to the mount point.
 * @returns {{app: string, name: string, playlist: string, thumbnail: string, api: string, watch: string, embed: string}} absolute URLs
 */
export function streamOfThisPage() {
  const [app = '', name = ''] = location.pathname.split('/').slice(-2).map(decodeURIComponent);
  return streamAddresses(app, name);
}

export function streamAddresses(app, name) {
  const path = `${encodeURIComponent(app)}/${encodeURIComponent(name)}`;
  const absolute = (relative) => new URL(relative, document.baseURI).href;
  return {
    app,
    name,
    playlist: absolute(`hls/${path}/index.m3u8`),
    thumbnail: absolute(`hls/${path}/thumbnail.jpg`),
    api: absolute(`api/v1/streams/${path}`),
    watch: absolute(`watch/${path}`),
    embed: absolute(`embed/${path}`),
  };
}
