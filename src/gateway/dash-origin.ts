// Connects DASH to the streams of HLS: a manifest exists for every stream that HLS can play at the moment.
import { ManifestOrigin } from '../dash/manifest-origin.js';
import type { Origin } from '../hls/origin/origin.js';
import { noStream, type RefusedAnswer } from '../hls/origin/origin-answer.js';

export function dashOrigin(origin: Origin): ManifestOrigin<RefusedAnswer> {
  return new ManifestOrigin<RefusedAnswer>({
    playable: async (app, name, signal) => {
      const answer = await origin.multivariant(app, name, signal);
      if (answer.status !== 200) return answer;
      // The stream was playable a moment ago, but may have ended.
      return origin.presentation(app, name) ?? noStream();
    },
    presentation: (app, name) => origin.presentation(app, name),
  });
}
