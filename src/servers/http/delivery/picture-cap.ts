// Limits the picture height for viewers whose proof contains a limit: taller renditions are removed from the entry, and their media is refused. If
// every rendition is taller, the lowest one stays.

import type { StreamDirectory } from '../dependencies.js';
import type { Problem } from '../plugins/errors.js';
import type { DeliveryTarget } from './target.js';

const TOO_TALL: Problem = {
  status: 403,
  code: 'http.too-tall',
  message: 'this link allows only renditions with a lower picture',
};

/** A variant with its URI, or an I-frame variant (RFC 8216bis sections 4.4.6.2 and 4.4.6.3). */
const VARIANT = /^#EXT-X-(?:STREAM-INF:.*\n.*|I-FRAME-STREAM-INF:.*)\n/gm;
const RESOLUTION = /[:,]RESOLUTION=\d+x(\d+)/;
const PERIOD = /^ *<Period [\s\S]*?<\/Period>\n/gm;
const REPRESENTATION = /^ *<Representation [\s\S]*?<\/Representation>\n/gm;
const HEIGHT = /^[^>]* height="(\d+)"/;
const EMPTY_SET = /^ *<AdaptationSet (?:(?!<Representation)[\s\S])*?<\/AdaptationSet>\n/gm;

/** The greatest height that may be shown. */
function limitOf(heights: readonly (number | undefined)[], maxHeight: number): number {
  return Math.max(maxHeight, Math.min(...heights.map((height) => height ?? Number.POSITIVE_INFINITY)));
}

/** Keeps the elements whose picture is not too tall, and those without a picture. */
function withoutTaller(text: string, element: RegExp, height: RegExp, maxHeight: number): string {
  const heightIn = (found: string): number | undefined => {
    const [, digits] = height.exec(found) ?? [];
    return digits === undefined ? undefined : Number(digits);
  };
  const heights = [...text.matchAll(element)].map(([found]) => heightIn(found)).filter((found) => found !== undefined);
  if (heights.length === 0) return text;
  const limit = limitOf(heights, maxHeight);
  return text.replace(element, (found) => ((heightIn(found) ?? 0) > limit ? '' : found));
}

/** For a multivariant playlist. */
export function cappedPlaylist(text: string, maxHeight: number): string {
  return withoutTaller(text, VARIANT, RESOLUTION, maxHeight);
}

/** For an MPD. Periods may have different renditions. */
export function cappedManifest(text: string, maxHeight: number): string {
  return text.replace(PERIOD, (period) =>
    withoutTaller(period, REPRESENTATION, HEIGHT, maxHeight).replace(EMPTY_SET, ''),
  );
}

/** An error if the picture of the requested media is too tall; undefined for unknown media and media without pictures. */
export function pictureProblem(
  streams: Pick<StreamDirectory, 'get'>,
  { app, name, rendition }: Pick<DeliveryTarget, 'app' | 'name' | 'rendition'>,
  maxHeight: number,
): Problem | undefined {
  if (rendition === '') return undefined;
  const renditions = streams.get(app, name)?.renditions ?? [];
  const height = renditions.find((known) => known.name === rendition)?.height;
  if (height === undefined) return undefined;
  const heights = renditions.map((known) => known.height);
  return height <= limitOf(heights, maxHeight) ? undefined : TOO_TALL;
}
