// Serves the MPD of a stream to the HTTP server, rendered once for each version of the listed segments.
import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import { describeManifest, phaseOf } from './describe-manifest.js';
import { cutIntoPeriods } from './periods.js';
import { renderManifest } from './render-manifest.js';
import type { DashPresentation } from './source.js';

export interface ManifestOriginOptions<Refused> {
  /**
   * Waits until a stream can be played, as for its multivariant playlist.
   * @returns the presentation, or a refusal to send to the client
   */
  readonly playable: (app: string, name: string, signal?: AbortSignal) => Promise<DashPresentation | Refused>;
  /** Answers at once; undefined if there is no such stream. */
  readonly presentation: (app: string, name: string) => DashPresentation | undefined;
}

export interface ManifestAnswer {
  readonly status: 200;
  readonly kind: 'manifest';
  /** The same Buffer for all viewers of one version. */
  readonly body: Buffer;
  readonly targetDuration: Seconds;
}

interface Version {
  readonly key: string;
  readonly body: Buffer;
}

export class ManifestOrigin<Refused extends { readonly status: 400 | 404 | 503 }> {
  readonly #options: ManifestOriginOptions<Refused>;
  readonly #versions = new WeakMap<DashPresentation, Version>();

  constructor(options: ManifestOriginOptions<Refused>) {
    this.#options = options;
  }

  /** `manifest.mpd` of a stream. Never rejects. */
  async manifest(app: string, name: string, signal?: AbortSignal): Promise<ManifestAnswer | Refused> {
    const found = await this.#options.playable(app, name, signal);
    if ('status' in found) return found;
    const media = `../../../hls/${app}/${name}/`;
    return { status: 200, kind: 'manifest', body: this.#body(found, media), targetDuration: found.targetDuration ?? 0 };
  }

  /** The clock to which the times of its manifest refer; undefined if there is no such stream. */
  time(app: string, name: string): EpochMilliseconds | undefined {
    return this.#options.presentation(app, name)?.mediaNow;
  }

  #body(presentation: DashPresentation, media: string): Buffer {
    const key = versionKey(presentation);
    const known = this.#versions.get(presentation);
    if (known?.key === key) return known.body;
    const { listings, endedAt } = presentation;
    const periods = cutIntoPeriods(listings, endedAt !== undefined);
    const body = Buffer.from(renderManifest(describeManifest(presentation, periods, { media, time: 'time' })));
    this.#versions.set(presentation, { key, body });
    return body;
  }
}

/** The listed segments never change; segments are only added at one end and removed at the other. */
function versionKey(presentation: DashPresentation): string {
  const { listings } = presentation;
  const parts = listings.map(({ plan, active, segments }) => {
    const [first, last] = [segments[0]?.mediaSequence, segments.at(-1)?.mediaSequence];
    return `${plan.name} ${first} ${last} ${active}`;
  });
  return `${phaseOf(presentation)} ${parts.join(' ')}`;
}
