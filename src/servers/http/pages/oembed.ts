// oEmbed (https://oembed.com): tells another site how to embed the stream of a link. The type is a video in an iframe.

import { HttpProblem } from '../errors.js';
import { streamPath } from './link-preview.js';

/** Width of the frame if the consumer sets no maximum. */
const WIDTH = 960;
const LARGEST = 3840;
const ASPECT = 16 / 9;

const PATH = /^\/(?:watch|embed)\/([0-9A-Za-z_.-]{1,255})\/([0-9A-Za-z_.-]{1,255})$/;

/** The unchecked query, section 2.2. */
export interface EmbedQuery {
  readonly url?: unknown;
  readonly format?: unknown;
  readonly maxwidth?: unknown;
  readonly maxheight?: unknown;
}

export interface EmbedSource {
  /** The public address of this server, without a final slash. */
  readonly base: string;
  hasThumbnail(app: string, name: string): boolean;
}

/** @throws {HttpProblem} 404 if the URL is not that of a stream page of this server, 501 for any format other than JSON (section 2.3.3) */
export function describeEmbed(query: EmbedQuery, { base, hasThumbnail }: EmbedSource): object {
  if (query.format !== undefined && query.format !== 'json') {
    throw new HttpProblem(501, 'http.bad-request', 'expected format=json, the only supported format');
  }
  const url = typeof query.url === 'string' ? query.url : '';
  const [, app, name] =
    (url.startsWith(`${base}/`) && PATH.exec(url.slice(base.length).split(/[?#]/, 1)[0] ?? '')) || [];
  if (app === undefined || name === undefined) {
    throw new HttpProblem(404, 'http.not-found', 'expected url=, the address of a watch or embed page of this server');
  }
  const width = Math.min(dimension(query.maxwidth, WIDTH), Math.round(dimension(query.maxheight, LARGEST) * ASPECT));
  const height = Math.round(width / ASPECT);
  const path = streamPath(app, name);
  return {
    version: '1.0',
    type: 'video',
    provider_name: 'Sluice',
    provider_url: `${base}/`,
    title: name,
    width,
    height,
    html: `<iframe src="${base}/embed/${path}" title="${name}" width="${width}" height="${height}" allow="autoplay; fullscreen; picture-in-picture"></iframe>`,
    ...(hasThumbnail(app, name) && {
      thumbnail_url: `${base}/hls/${path}/thumbnail.jpg`,
      thumbnail_width: 640,
      thumbnail_height: 360,
    }),
  };
}

function dimension(text: unknown, fallback: number): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? Math.min(value, LARGEST) : fallback;
}
