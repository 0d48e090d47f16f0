// What the gateway knows of its streams, as plain state for the API: built on demand from the pipelines, never kept twice.
import type { Origin } from '../hls/origin.js';
import type { RenditionInfo } from '../hls/presentation.js';
import type { SourceDescription } from '../transcode/describe-source.js';
import type { StreamPipeline } from './stream-pipeline.js';

export interface PipelineStreamState {
  readonly app: string;
  readonly name: string;
  readonly state: 'waiting' | 'starting' | 'live' | 'ended';
  readonly startedAt: string;
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
}

/** The pipelines of every name that has a publisher, is being flushed, or has ended and is still in the window of the origin. */
export class PipelineDirectory {
  readonly #origin: Pick<Origin, 'presentation'>;
  readonly #pipelines = new Set<StreamPipeline>();

  constructor(origin: Pick<Origin, 'presentation'>) {
    this.#origin = origin;
  }

  add(pipeline: StreamPipeline): void {
    this.#forgetGone();
    this.#pipelines.add(pipeline);
  }

  /** In order of publishing; while one of a name is flushed there may be another. */
  get pipelines(): readonly StreamPipeline[] {
    this.#forgetGone();
    return [...this.#pipelines];
  }

  /** The newest of each name. */
  list(): PipelineStreamState[] {
    const newest = new Map(
      this.pipelines.map((pipeline) => [`${pipeline.stream.app}/${pipeline.stream.name}`, pipeline]),
    );
    return [...newest.values()].map(describe);
  }

  get(app: string, name: string): PipelineStreamState | undefined {
    const pipeline = this.find(app, name);
    return pipeline && describe(pipeline);
  }

  /** The newest of that name: a publisher that returned while its old stream is flushed is the one people mean. */
  find(app: string, name: string): StreamPipeline | undefined {
    return this.pipelines.filter(({ stream }) => stream.app === app && stream.name === name).at(-1);
  }

  /** An ended stream goes when its presentation leaves the origin: its window has passed, or a later publish replaced it. */
  #forgetGone(): void {
    for (const pipeline of this.#pipelines) {
      const { state, presentation, stream } = pipeline;
      const served = presentation !== undefined && this.#origin.presentation(stream.app, stream.name) === presentation;
      if (state === 'ended' && !served) this.#pipelines.delete(pipeline);
    }
  }
}

function describe(pipeline: StreamPipeline): PipelineStreamState {
  const { stream, source, presentation } = pipeline;
  const { videoBitrate, audioBitrate, bytesIn } = stream.statistics;
  return {
    app: stream.app,
    name: stream.name,
    state: streamState(pipeline),
    startedAt: new Date(stream.startedAt).toISOString(),
    source: source === undefined ? {} : describeTracks(source),
    renditions: presentation?.renditions.map(describeRendition) ?? [],
    ingest: { bitrate: stream.state === 'ended' ? 0 : videoBitrate + audioBitrate, bytes: bytesIn },
  };
}

function streamState({ state, presentation }: StreamPipeline): PipelineStreamState['state'] {
  if (state === 'waiting') return 'waiting';
  if (state === 'draining' || state === 'ended') return 'ended';
  return presentation?.playable ? 'live' : 'starting';
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
