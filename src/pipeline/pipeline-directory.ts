// The state of all streams as plain data for the API, derived from the pipelines on demand and never stored twice.
import type { Origin } from '../hls/origin/origin.js';
import type { RenditionInfo } from '../hls/presentation.js';
import type { SourceDescription } from '../transcode/describe-source.js';
import type { StreamPipeline, Withdrawal } from './stream-pipeline.js';

export interface PipelineStreamState {
  readonly app: string;
  readonly name: string;
  /** Title from the key, user, token or webhook that allowed the publisher. */
  readonly title?: string;
  /** `resuming`: the publisher has left, and the playlists wait for its return. */
  readonly state: 'waiting' | 'starting' | 'live' | 'resuming' | 'ended';
  /** Start of the current publish. */
  readonly startedAt: string | undefined;
  /** Number of publishers that these playlists have had. */
  readonly publishes: number;
  /** Seconds left for the publisher to come back. */
  readonly resumeLeft?: number;
  /** Set if viewers currently see the slate. */
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
  /** What FFmpeg does for the stream; absent if nothing is encoded. */
  readonly transcode?: {
    readonly renditions: readonly string[];
    readonly restarts: number;
    /** Tags dropped because FFmpeg was too slow. */
    readonly droppedTags: number;
    /** Media time produced divided by media time received; 1 means that FFmpeg keeps up. */
    readonly speed?: number;
    /** Seconds. */
    readonly lag?: number;
  };
  /** Renditions that were removed while the stream ran. */
  readonly withdrawn: readonly Withdrawal[];
  /** One sentence for each part of the ladder that was not made, and for each part of the publisher's media that was changed or dropped. */
  readonly shortcomings: readonly string[];
  /** The copy on disk. Players of this server do not depend on it. */
  readonly disk: { readonly failing: boolean; readonly failures: number };
}

/** The pipelines of all names that have a publisher, are being flushed, or have ended but can still be watched. */
export class PipelineDirectory {
  readonly #origin: Pick<Origin, 'presentation'>;
  readonly #pipelines = new Set<StreamPipeline>();
  #broken = 0;

  constructor(origin: Pick<Origin, 'presentation'>) {
    this.#origin = origin;
  }

  /** Number of streams that an internal error has ended. */
  get broken(): number {
    return this.#broken;
  }

  noteBroken(): void {
    this.#broken += 1;
  }

  add(pipeline: StreamPipeline): void {
    this.#pipelines.add(pipeline);
  }

  /** In order of publishing; while one pipeline of a name is flushed there may be a newer one. */
  get pipelines(): readonly StreamPipeline[] {
    return [...this.#pipelines];
  }

  /** The newest pipeline of each name. */
  list(): PipelineStreamState[] {
    const newest = new Map(this.pipelines.map((pipeline) => [`${pipeline.app}/${pipeline.name}`, pipeline]));
    return [...newest.values()].map(describe);
  }

  get(app: string, name: string): PipelineStreamState | undefined {
    const pipeline = this.find(app, name);
    return pipeline && describe(pipeline);
  }

  /** The newest pipeline of that name. If a publisher returns while its old stream is being flushed, this is the new one. */
  find(app: string, name: string): StreamPipeline | undefined {
    return this.pipelines.filter((pipeline) => pipeline.app === app && pipeline.name === name).at(-1);
  }

  /** Names without a publisher whose playlists wait for one, the longest waiting first. */
  get suspended(): StreamPipeline[] {
    const waiting = this.pipelines.filter(({ state, publishing }) => state === 'suspended' && !publishing);
    return waiting.sort((a, b) => (a.resumeLeft ?? 0) - (b.resumeLeft ?? 0));
  }

  /**
   * Removes ended streams whose presentation the origin has removed, because its time is over or a later publish replaced it. Call this
   * whenever that may have happened: nothing else does it, and a stream that is not removed keeps all its memory.
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
  const { app, name, stream, source, presentation, publishes, withdrawn, shortcomings, resumeLeft, settings } =
    pipeline;
  const { videoBitrate = 0, audioBitrate = 0, bytesIn = 0 } = stream?.statistics ?? {};
  const sending = stream !== undefined && stream.state !== 'ended';
  const transcode = describeTranscode(pipeline);
  return {
    app,
    name,
    ...(settings.title !== undefined && { title: settings.title }),
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
