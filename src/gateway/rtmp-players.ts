// Lets RTMP players read a stream like everybody else, from the last key frame on.
import type { StreamRegistry } from '../live/registry.js';
import type { PlayAdmission } from '../servers/rtmp/playing.js';

export function rtmpPlayers(streams: Pick<StreamRegistry, 'get'>): PlayAdmission {
  return {
    open({ app, name }, { maxBytes, onReadable, onEnd }) {
      const stream = streams.get(app, name);
      if (stream === undefined) return undefined;
      const subscription = stream.subscribe({ maxBytes, onReadable });
      const stopListening = stream.on({ onEnd });
      return {
        take: () => subscription.take(),
        get ended() {
          return subscription.ended;
        },
        get droppedTags() {
          return subscription.droppedTags;
        },
        close() {
          stopListening();
          subscription.close();
        },
      };
    },
  };
}
