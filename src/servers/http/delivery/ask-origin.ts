// Asks the origin for what a request targets.

import { assertNever } from '../../../protocols/errors.js';
import type { DashOrigin, HlsOrigin, OriginAnswer } from '../dependencies.js';
import { type DeliveryTarget, NO_DIRECTIVES } from './target.js';

export interface Origins {
  readonly origin: HlsOrigin;
  /** Needed only if manifests are requested. */
  readonly dash?: DashOrigin | undefined;
}

/** Never answers a reload with directives, even if the playlist already has what it asks for: `mediaPlaylist` checks the directives. */
export function answerInMemory(
  { origin }: Origins,
  { asked, app, name, rendition, file, directives }: DeliveryTarget,
): OriginAnswer | undefined {
  if (asked === 'manifest' || directives !== NO_DIRECTIVES) return undefined;
  try {
    return origin.inMemory?.(app, name, rendition, file);
  } catch {
    // The full request will fail as well, and that failure is reported.
    return undefined;
  }
}

/** Async, so that an exception in the origin becomes a rejection, which is answered, and does not end the process. */
export async function askOrigin(
  { origin, dash }: Origins,
  { asked, app, name, rendition, file, directives }: DeliveryTarget,
  signal: AbortSignal,
): Promise<OriginAnswer> {
  switch (asked) {
    case 'multivariant':
      return origin.multivariant(app, name, signal);
    case 'media-playlist':
      if (file !== '') return origin.file(app, name, rendition, file, signal, directives);
      return origin.mediaPlaylist(app, name, rendition, directives, signal);
    case 'manifest':
      if (dash === undefined) throw new TypeError('a manifest was asked for without an origin for it');
      return dash.manifest(app, name, signal);
    case 'segment':
      return origin.file(app, name, rendition, file, signal);
    default:
      return assertNever(asked);
  }
}
