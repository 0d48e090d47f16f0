// Connects DASH to the streams of HLS: a manifest exists for what HLS can play at the moment.
import { ManifestOrigin } from '../dash/manifest-origin.js';
import type { Origin } from '../hls/origin/origin.js';
import { noStream, type RefusedAnswer } from '../hls/origin/origin-answer.js';

export function dashOrigin(origin: Origin): ManifestOrigin<RefusedAnswer> {
  return new ManifestOrigin<RefusedAnswer>({
    playable: async (app, name, signal) => {
      const answer = await origin.multivariant(app, name, signal);
      if (answer.status !== 200) return answer;
      // It was playable when asked, but may have ended since.
      return origin.presentation(app, name) ?? noStream();
    },
    presentation: (app, name) => origin.presentation(app, name),
  });
}
