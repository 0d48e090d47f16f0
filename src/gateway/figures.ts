// Collects the figures for the metrics page when it is requested, from the objects that count them, so that nothing is counted twice.
import type { StreamStatistics } from '../live/statistics.js';
import type { Capacity } from '../pipeline/capacity.js';
import type { PipelineDirectory } from '../pipeline/pipeline-directory.js';
import type { StreamPipeline } from '../pipeline/stream-pipeline.js';
import type { GatewayFigures, StreamFigures } from '../servers/http/metrics/figures.js';
import type { RtmpServer } from '../servers/rtmp/listener.js';
import type { GatewayParts } from './parts.js';

export interface FigureSources {
  readonly rtmp: Pick<RtmpServer, 'counters'>;
  readonly directory: Pick<PipelineDirectory, 'pipelines' | 'broken'>;
  readonly capacity: Pick<Capacity, 'transcodes' | 'counters'>;
}

export function gatewayFigures(
  { access, events }: Pick<GatewayParts, 'access' | 'events'>,
  { rtmp, directory, capacity }: FigureSources,
): GatewayFigures {
  const { counters } = rtmp;
  const { refusedTotalLimit, refusedAddressLimit } = counters;
  const streams = directory.pipelines.map(pipelineFigures);
  // While an old stream of a name is being flushed there may be a newer one, which counts.
  const newest = new Map(streams.map((stream) => [`${stream.app}/${stream.name}`, stream]));
  return {
    rtmp: { ...counters, connectionsRefused: refusedTotalLimit + refusedAddressLimit },
    streams: [...newest.values()],
    brokenStreams: directory.broken,
    outbox: access.outbox(),
    timedEvents: events.figures,
    capacity: { transcodes: capacity.transcodes, ...capacity.counters },
  };
}

function pipelineFigures({ app, name, stream, presentation, transcode, withdrawn }: StreamPipeline): StreamFigures {
  return {
    app,
    name,
    ...(stream && ingestFigures(stream.statistics)),
    ...presentation?.counters,
    ffmpegRestarts: transcode?.restarts,
    ffmpegSpeed: transcode?.load?.speed,
    withdrawn: countBy(withdrawn.map(({ reason }) => reason)),
  };
}

function ingestFigures(statistics: StreamStatistics): Omit<StreamFigures, 'app' | 'name'> {
  const { videoBitrate, audioBitrate, videoFrameRate, discontinuities, ...same } = statistics;
  return {
    ...same,
    bitrate: videoBitrate + audioBitrate,
    frameRate: videoFrameRate,
    // The discontinuities in playlists are counted by the presentation.
    clockJumps: discontinuities,
  };
}

function countBy(reasons: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}
