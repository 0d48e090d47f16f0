// DASH over the streams of HLS: a manifest can be had of what HLS would play now.
import { ManifestOrigin } from '../dash/manifest-origin.js';
import type { Origin } from '../hls/origin/origin.js';
import { noStream, type RefusedAnswer } from '../hls/origin/origin-answer.js';

export function dashOrigin(origin: Origin): ManifestOrigin<RefusedAnswer> {
  return new ManifestOrigin<RefusedAnswer>({
    playable: async (app, name, signal) => {
      const answer = await origin.multivariant(app, name, signal);
      if (answer.status !== 200) return answer;
      // Playable when it was asked; it may be gone in the turn that this answer took.
      return origin.presentation(app, name) ?? noStream();
    },
    presentation: (app, name) => origin.presentation(app, name),
  });
}
