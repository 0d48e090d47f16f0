// Metadata for link previews in chats, forums and search results: name, description and picture. It is in the head of the page, because the
// programs that read it run no scripts.

import type { StreamState } from '../dependencies.js';
import { escapeText } from './pages.js';

/** The size of public/share.png. */
const CARD_SIZE = { width: 1200, height: 630 };

export interface PreviewedStream {
  readonly app: string;
  readonly name: string;
  /** Undefined while nothing is published under that name. */
  readonly state: StreamState | undefined;
  readonly hasThumbnail: boolean;
  /** Whether viewers need a token, which this page does not know. */
  readonly isProtected: boolean;
  /** The public address of the server, without a final slash; undefined if it is not certain. */
  readonly base: string | undefined;
  /** Version of the assets. */
  readonly version: string;
}

/** The head of a watch or embed page: title, Open Graph and Twitter cards, oEmbed discovery, and preloads of the playlists. */
export function streamHead(stream: PreviewedStream): string {
  const { app, name, base, hasThumbnail } = stream;
  const path = streamPath(app, name);
  // If the address is unknown, links are relative to the page: both kinds of page are two levels below the root.
  const absolute = (target: string): string => `${base ?? '../..'}/${target}`;
  const title = escapeText(name);
  const description = escapeText(describe(stream));
  const picture = hasThumbnail ? `hls/${path}/thumbnail.jpg` : `assets/~${stream.version}/share.png`;
  const video = stream.state?.source?.video;
  const size = hasThumbnail ? undefined : CARD_SIZE;
  const watch = `watch/${path}`;
  const properties: readonly (readonly [string, string | number | undefined])[] = [
    ['og:site_name', 'Sluice'],
    ['og:type', 'video.other'],
    ['og:title', title],
    ['og:description', description],
    ['og:url', base && absolute(watch)],
    ['og:image', absolute(picture)],
    ['og:image:type', hasThumbnail ? 'image/jpeg' : 'image/png'],
    ['og:image:width', size?.width],
    ['og:image:height', size?.height],
    ['og:image:alt', hasThumbnail ? `A picture of ${title}` : 'Sluice'],
    ['og:video:width', video?.width],
    ['og:video:height', video?.height],
  ];
  const names: readonly (readonly [string, string])[] = [
    ['description', description],
    ['twitter:card', 'summary_large_image'],
    ['twitter:title', title],
    ['twitter:description', description],
    ['twitter:image', absolute(picture)],
  ];
  return [
    `<title>${title} – Sluice</title>`,
    ...names.map(([key, content]) => `<meta name="${key}" content="${content}">`),
    ...properties
      .filter(([, content]) => content !== undefined)
      .map(([key, content]) => `<meta property="${key}" content="${content}">`),
    ...(stream.isProtected ? ['<meta name="sluice:protected" content="true">'] : []),
    ...(base === undefined ? [] : [`<link rel="canonical" href="${absolute(watch)}">`, discovery(base, watch, title)]),
    ...(isPlayable(stream.state) && !stream.isProtected ? playlistPreloads(path, stream.state) : []),
  ].join('\n  ');
}

/** The path of a stream below `hls/`, `watch/` and `embed/`. */
export function streamPath(app: string, name: string): string {
  return `${encodeURIComponent(app)}/${encodeURIComponent(name)}`;
}

function describe({ app, name, state }: PreviewedStream): string {
  if (!isPlayable(state)) return `${name} is not live at the moment. The page starts to play as soon as it is.`;
  const { video, audio } = state.source ?? {};
  const kind = video === undefined && audio !== undefined ? 'Live audio' : 'Live video';
  const height = video?.height === undefined ? '' : `, ${video.height}p`;
  return `${kind} of ${app}/${name}${height}. Watch it in the browser.`;
}

function isPlayable(state: StreamState | undefined): state is StreamState {
  return state?.state === 'live' || state?.state === 'resuming';
}

/** https://oembed.com, section 4. */
function discovery(base: string, watch: string, title: string): string {
  const href = escapeText(`${base}/oembed?format=json&url=${encodeURIComponent(`${base}/${watch}`)}`);
  return `<link rel="alternate" type="application/json+oembed" href="${href}" title="${title}">`;
}

/**
 * Preloads what the player reads first, while its scripts are still loading: the multivariant playlist, and those of the first video
 * rendition and of the audio. The paths are relative to `<base>`.
 */
function playlistPreloads(path: string, { renditions }: StreamState): string[] {
  const [first] = renditions.filter(({ height }) => height !== undefined);
  const sound = renditions.find(({ height }) => height === undefined);
  const names = [first, sound].flatMap((rendition) => (rendition === undefined ? [] : [`${rendition.name}/`]));
  return ['', ...names].map(
    (rendition) => `<link rel="preload" as="fetch" crossorigin href="hls/${path}/${rendition}index.m3u8">`,
  );
}
