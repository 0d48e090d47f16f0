// What the gateway knows of its streams, as plain state for the API: built on demand from the pipelines, never kept twice.
import type { Origin } from '../hls/origin/origin.js';
import type { RenditionInfo } from '../hls/presentation.js';
import type { SourceDescription } from '../transcode/describe-source.js';
import type { StreamPipeline, Withdrawal } from './stream-pipeline.js';

export interface PipelineStreamState {
  readonly app: string;
  readonly name: string;
  /** `resuming`: the publisher is gone, and the playlists wait for it. */
  readonly state: 'waiting' | 'starting' | 'live' | 'resuming' | 'ended';
  /** When this publish began. */
  readonly startedAt: string | undefined;
  /** Publishers of these playlists so far. */
  readonly publishes: number;
  /** Seconds left for the publisher to come back. */
  readonly resumeLeft?: number;
  /** Meanwhile viewers see the slate. */
  readonly slate?: true;
  readonly source: {
    readonly video?: {
      readonly codec: string;
      readonly width: number;
      readonly height: number;
      readonly frameRate: number;
    };
    readonly audio?: { readonly codec: string; readonly sampleRate?: number; readonly channels?: number };
  };
  readonly renditions: readonly {
    readonly name: string;
    readonly width: number | undefined;
    readonly height: number | undefined;
    readonly frameRate: number | undefined;
    readonly codecs: string | undefined;
    readonly bandwidth: number;
  }[];
  readonly ingest: { readonly bitrate: number; readonly bytes: number };
  /** What FFmpeg does for it; absent when nothing is encoded. */
  readonly transcode?: {
    readonly renditions: readonly string[];
    readonly restarts: number;
    /** Tags that FFmpeg was too slow for. */
    readonly droppedTags: number;
    /** Media time made over media time received; 1 keeps up. */
    readonly speed?: number;
    /** Seconds. */
    readonly lag?: number;
  };
  /** Renditions that were taken out while the stream ran. */
  readonly withdrawn: readonly Withdrawal[];
  /** One sentence for each thing of the ladder that was not made, and of the publisher's that was changed or left out. */
  readonly shortcomings: readonly string[];
  /** The copy on disk: players of this server do not need it. */
  readonly disk: { readonly failing: boolean; readonly failures: number };
}

/** The pipelines of every name that has a publisher, is being flushed, or has ended and is still in the window of the origin. */
export class PipelineDirectory {
  readonly #origin: Pick<Origin, 'presentation'>;
  readonly #pipelines = new Set<StreamPipeline>();
  #broken = 0;

  constructor(origin: Pick<Origin, 'presentation'>) {
    this.#origin = origin;
  }

  /** Streams that an internal error has ended. */
  get broken(): number {
    return this.#broken;
  }

  noteBroken(): void {
    this.#broken += 1;
  }

  add(pipeline: StreamPipeline): void {
    this.#pipelines.add(pipeline);
  }

  /** In order of publishing; while one of a name is flushed there may be another. */
  get pipelines(): readonly StreamPipeline[] {
    return [...this.#pipelines];
  }

  /** The newest of each name. */
  list(): PipelineStreamState[] {
    const newest = new Map(this.pipelines.map((pipeline) => [`${pipeline.app}/${pipeline.name}`, pipeline]));
    return [...newest.values()].map(describe);
  }

  get(app: string, name: string): PipelineStreamState | undefined {
    const pipeline = this.find(app, name);
    return pipeline && describe(pipeline);
  }

  /** The newest of that name: a publisher that returned while its old stream is flushed is the one people mean. */
  find(app: string, name: string): StreamPipeline | undefined {
    return this.pipelines.filter((pipeline) => pipeline.app === app && pipeline.name === name).at(-1);
  }

  /** Names without a publisher whose playlists wait for one, the longest waiting first. */
  get suspended(): StreamPipeline[] {
    const waiting = this.pipelines.filter(({ state, publishing }) => state === 'suspended' && !publishing);
    return waiting.sort((a, b) => (a.resumeLeft ?? 0) - (b.resumeLeft ?? 0));
  }

  /**
   * An ended stream goes when its presentation leaves the origin: its window has passed, or a later publish replaced it. To be
   * called whenever either may have happened, as nothing else says so and a stream that is kept keeps all that it consists of.
   */
  forgetGone(): void {
    for (const pipeline of this.#pipelines) {
      const { state, presentation, app, name } = pipeline;
      const served = presentation !== undefined && this.#origin.presentation(app, name) === presentation;
      if (state === 'ended' && !served) this.#pipelines.delete(pipeline);
    }
  }
}

function describe(pipeline: StreamPipeline): PipelineStreamState {
  const { app, name, stream, source, presentation, publishes, withdrawn, shortcomings, resumeLeft } = pipeline;
  const { videoBitrate = 0, audioBitrate = 0, bytesIn = 0 } = stream?.statistics ?? {};
  const sending = stream !== undefined && stream.state !== 'ended';
  const transcode = describeTranscode(pipeline);
  return {
    app,
    name,
    state: streamState(pipeline),
    startedAt: stream && new Date(stream.startedAt).toISOString(),
    publishes,
    ...(resumeLeft !== undefined && { resumeLeft: resumeLeft / 1000 }),
    ...(pipeline.showsSlate && { slate: true as const }),
    source: source === undefined ? {} : describeTracks(source),
    renditions: presentation?.renditions.map(describeRendition) ?? [],
    ingest: { bitrate: sending ? videoBitrate + audioBitrate : 0, bytes: bytesIn },
    ...(transcode && { transcode }),
    withdrawn,
    shortcomings,
    disk: { failing: presentation?.storeFailing ?? false, failures: presentation?.counters.storeFailures ?? 0 },
  };
}

function describeTranscode({ transcode }: StreamPipeline): PipelineStreamState['transcode'] {
  if (transcode === undefined) return undefined;
  const { renditions, restarts, droppedTags, load } = transcode;
  const figures = load && { speed: load.speed, lag: load.lag / 1000 };
  return { renditions, restarts, droppedTags, ...figures };
}

function streamState({ state, presentation }: StreamPipeline): PipelineStreamState['state'] {
  switch (state) {
    case 'waiting':
      return 'waiting';
    case 'running':
      return presentation?.playable ? 'live' : 'starting';
    case 'suspended':
      return 'resuming';
    case 'draining':
    case 'ended':
      return 'ended';
  }
}

function describeTracks({ video, audio }: SourceDescription): PipelineStreamState['source'] {
  return {
    ...(video && {
      video: { codec: video.codec, width: video.width, height: video.height, frameRate: video.frameRate },
    }),
    ...(audio && {
      audio: {
        codec: audio.codec,
        ...(audio.codec === 'aac' && { sampleRate: audio.sampleRate, channels: audio.channels }),
      },
    }),
  };
}

function describeRendition(rendition: RenditionInfo): PipelineStreamState['renditions'][number] {
  const { name, width, height, frameRate, codecs, peakBandwidth } = rendition;
  return { name, width, height, frameRate, codecs, bandwidth: Math.round(peakBandwidth) };
}
