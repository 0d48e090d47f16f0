// Assigns names to publishers: a stream that waits for its publisher continues with the new one; for any other name a new pipeline starts.

import type { Config } from '../config/schema.js';
import type { PublishRequest } from '../contracts/access.js';
import type { GrantOptions } from '../contracts/grant.js';
import type { Logger } from '../contracts/logger.js';
import type { GatewayEvent } from '../events/gateway-event.js';
import type { Origin } from '../hls/origin/origin.js';
import type { PresentationOptions } from '../hls/presentation-options.js';
import type { StreamRegistry } from '../live/registry.js';
import type { Capacity } from '../pipeline/capacity.js';
import type { PipelineDirectory } from '../pipeline/pipeline-directory.js';
import { StreamPipeline } from '../pipeline/stream-pipeline.js';
import type { PublishAdmission, PublishTarget } from '../servers/rtmp/publishing.js';
import { limitedLogger } from './limited-logger.js';
import type { GatewayParts } from './parts.js';

/** The dependencies that all streams of a gateway share. */
export interface SharedByStreams {
  readonly registry: StreamRegistry;
  readonly origin: Origin;
  readonly directory: PipelineDirectory;
  readonly capacity: Capacity;
  readonly emit: (event: GatewayEvent) => void;
}

export class StreamAdmission implements PublishAdmission {
  readonly #parts: GatewayParts;
  readonly #shared: SharedByStreams;

  /** The logger of all streams. */
  readonly #logger: Logger;

  constructor(parts: GatewayParts, shared: SharedByStreams) {
    this.#parts = parts;
    this.#shared = shared;
    this.#logger = limitedLogger(parts.logger.child({ module: 'pipeline' }));
  }

  claim({ app, name, grant }: PublishRequest): PublishTarget {
    const settings = grant?.options ?? {};
    const { directory, registry } = this.#shared;
    const earlier = directory.find(app, name);
    const resumed = earlier !== undefined && this.#canResume(earlier, settings) ? earlier : undefined;
    if (resumed === undefined) this.#makeRoom();
    const timelineOrigin = resumed?.resumeTime;
    const stream = registry.claim(app, name, {
      conflict: settings.publishConflict,
      ...(timelineOrigin !== undefined && { timelineOrigin }),
    });
    let pipeline: StreamPipeline | undefined;
    try {
      // The claim may have ended the previous publisher, and with it the stream that should be resumed.
      pipeline = resumed?.resumable ? resumed : this.#newPipeline(app, name, earlier, settings);
      pipeline.settings = settings;
      pipeline.attach(stream);
      if (pipeline === resumed) this.#parts.recording.resumed(app, name, settings);
    } catch (error) {
      // Without this call, the name would never be released, and a stream that waits for this publisher would never end.
      pipeline?.endInBackground();
      stream.end();
      throw error;
    }
    // The publisher's connection passes media to the stream itself. The pipeline listens to the stream and continues or ends with it.
    return stream;
  }

  /** Other renditions are another stream. */
  #canResume({ resumable, ladder }: StreamPipeline, settings: GrantOptions): boolean {
    return resumable && ladder.join() === (settings.ladder ?? this.#parts.config.ladder).join();
  }

  #newPipeline(app: string, name: string, earlier: StreamPipeline | undefined, settings: GrantOptions): StreamPipeline {
    const { config, clock, childSettings, ffmpeg, store, sequences, recording, events } = this.#parts;
    const { origin, directory, capacity, emit } = this.#shared;
    const pipeline = new StreamPipeline({
      app,
      name,
      predecessor: earlier?.end(),
      origin,
      ffmpeg,
      childSettings,
      ladder: settings.ladder ?? config.ladder,
      partDuration: config.partDuration,
      segmentDuration: config.segmentDuration,
      resumeWindow: config.resumeWindow,
      slate: config.slate,
      maxGop: config.maxGop,
      capacity,
      presentation: () => ({
        windowSegments: config.windowSegments,
        ...rewind(config),
        ...sequences.next(app, name),
        endsFirstEarly: config.firstSegment === 'part',
        store,
      }),
      logger: this.#logger,
      clock,
      onPresentation: (presentation) => {
        events.presented(presentation);
        recording.presented(presentation, settings);
      },
      readMessages: (presentation) => events.readMessages(presentation),
      onFailed: (stream, error) => stream.kick(error),
      shedsOnOverload: config.onOverload === 'shed',
      onBroken: () => directory.noteBroken(),
      onEnded: ({ nextMediaSequence: next, discontinuityNumber, longestGop }) =>
        sequences.remember(app, name, { next, discontinuityNumber, longestGop }),
      onNews: (news) => emit({ app, name, time: clock.wallClock(), ...news }),
      onClosed: () => directory.forgetGone(),
    });
    directory.add(pipeline);
    return pipeline;
  }

  /** Names that wait for a publisher use as much memory as active ones, so they count too. The one that has waited longest is ended. */
  #makeRoom(): void {
    const { directory, registry } = this.#shared;
    const { suspended } = directory;
    const over = registry.size + suspended.length + 1 - this.#parts.config.maxStreams;
    for (const pipeline of suspended.slice(0, Math.max(0, over))) pipeline.endInBackground();
  }
}

function rewind({ dvrWindow, playlistType }: Config): Pick<PresentationOptions, 'dvrWindow' | 'event'> {
  const event = playlistType === 'event';
  if (dvrWindow === 'off') return { event };
  return { event, dvrWindow: dvrWindow === 'unlimited' ? Number.POSITIVE_INFINITY : Number(dvrWindow) };
}
