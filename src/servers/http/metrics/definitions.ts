// Every figure of /metrics by name, in one table that docs/metrics.md is held to.

import type { DeliveryFigures } from '../delivery/delivery.js';
import type { GatewayFigures, StreamFigures } from '../dependencies.js';
import type { ProcessFigures } from './process-figures.js';

/** What all figures of one look are taken from. */
export interface Snapshot {
  readonly gateway: GatewayFigures;
  readonly delivery: DeliveryFigures;
  readonly process: ProcessFigures;
  /** By HLS, of the streams the directory lists. */
  readonly viewers: readonly { readonly app: string; readonly name: string; readonly viewers: number }[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricDefinition {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
  read(snapshot: Snapshot): readonly Sample[];
}

type Reading<T> = (from: T) => number | undefined;

function one<T>(read: (snapshot: Snapshot) => T | undefined) {
  return (kind: 'counter' | 'gauge', name: string, help: string, pick: Reading<T>): MetricDefinition => ({
    name,
    kind,
    help,
    labels: [],
    read: (snapshot) => {
      const from = read(snapshot);
      const value = from === undefined ? undefined : pick(from);
      return value === undefined ? [] : [{ labels: {}, value }];
    },
  });
}

/** A figure that not every stream has yet is left out for that stream. */
function ofStream(
  kind: 'counter' | 'gauge',
  name: string,
  help: string,
  pick: Reading<StreamFigures>,
): MetricDefinition {
  return {
    name,
    kind,
    help,
    labels: ['app', 'name'],
    read: ({ gateway }) =>
      gateway.streams.flatMap((stream) => {
        const value = pick(stream);
        return value === undefined ? [] : [{ labels: { app: stream.app, name: stream.name }, value }];
      }),
  };
}

const rtmp = one(({ gateway }) => gateway.rtmp);
const capacity = one(({ gateway }) => gateway.capacity);
const http = one(({ delivery }) => delivery);
const process = one((snapshot) => snapshot.process);

export const METRICS: readonly MetricDefinition[] = [
  rtmp('gauge', 'sluice_rtmp_connections', 'RTMP connections open', (from) => from.connections),
  rtmp('counter', 'sluice_rtmp_connections_total', 'RTMP connections accepted', (from) => from.connectionsAccepted),
  rtmp(
    'counter',
    'sluice_rtmp_connections_refused_total',
    'RTMP connections closed at once because too many were open',
    (from) => from.connectionsRefused,
  ),
  rtmp('gauge', 'sluice_rtmp_publishers', 'Publishers at the moment', (from) => from.publishers),
  rtmp('counter', 'sluice_rtmp_publishes_total', 'Publish requests accepted', (from) => from.publishesAccepted),
  rtmp('counter', 'sluice_rtmp_publishes_refused_total', 'Publish requests refused', (from) => from.publishesRefused),
  rtmp('counter', 'sluice_rtmp_received_bytes_total', 'Bytes read from RTMP peers', (from) => from.bytesReceived),
  rtmp('counter', 'sluice_rtmp_sent_bytes_total', 'Bytes written to RTMP peers', (from) => from.bytesSent),
  {
    name: 'sluice_rtmp_errors_total',
    kind: 'counter',
    help: 'RTMP connections ended by an error, by its code',
    labels: ['code'],
    read: ({ gateway }) =>
      [...(gateway.rtmp?.closedByError ?? [])].map(([code, value]) => ({ labels: { code }, value })),
  },
  capacity(
    'counter',
    'sluice_renditions_shed_total',
    'Renditions given up because encoding was too slow',
    (from) => from.shed,
  ),
  capacity(
    'counter',
    'sluice_ladders_refused_total',
    'Publishers served without a ladder because the machine was full',
    (from) => from.refused,
  ),
  one(({ gateway }) => gateway)('gauge', 'sluice_streams', 'Streams that are shown', (from) => from.streams.length),
  ofStream('counter', 'sluice_stream_received_bytes_total', 'Bytes of media received', (from) => from.bytesIn),
  ofStream('gauge', 'sluice_stream_bitrate_bits_per_second', 'Bit rate received', (from) => from.bitrate),
  ofStream('counter', 'sluice_stream_video_frames_total', 'Video frames received', (from) => from.videoFrames),
  ofStream('counter', 'sluice_stream_audio_frames_total', 'Audio frames received', (from) => from.audioFrames),
  ofStream('gauge', 'sluice_stream_frames_per_second', 'Video frame rate received', (from) => from.frameRate),
  ofStream(
    'counter',
    'sluice_stream_dropped_frames_total',
    'Frames left out because no decoder could start with them',
    (from) => from.droppedTags,
  ),
  ofStream(
    'counter',
    'sluice_stream_repaired_timestamps_total',
    'Frames whose timestamp could not be used as it came',
    (from) => from.repairedTimestamps,
  ),
  ofStream('counter', 'sluice_stream_clock_jumps_total', "Jumps of the publisher's clock", (from) => from.clockJumps),
  ofStream(
    'counter',
    'sluice_stream_forced_cuts_total',
    'Segments cut without a key frame because none came in time',
    (from) => from.forcedCuts,
  ),
  ofStream('counter', 'sluice_stream_gaps_total', 'Segments listed as missing', (from) => from.gaps),
  ofStream('counter', 'sluice_stream_discontinuities_total', 'Discontinuities listed', (from) => from.discontinuities),
  ofStream(
    'counter',
    'sluice_stream_disk_failures_total',
    'Attempts to bring the copy on disk up to date that failed',
    (from) => from.storeFailures,
  ),
  ofStream('counter', 'sluice_stream_ffmpeg_restarts_total', 'Replacements of FFmpeg', (from) => from.ffmpegRestarts),
  ofStream(
    'gauge',
    'sluice_stream_ffmpeg_speed_ratio',
    'Media time over wall time of the encoders; below 1 they do not keep up',
    (from) => from.ffmpegSpeed,
  ),
  {
    name: 'sluice_stream_hls_viewers',
    kind: 'gauge',
    help: 'Viewers by HLS that this server sees: pairs of address and User-Agent in the last 15 s',
    labels: ['app', 'name'],
    read: ({ viewers }) => viewers.map(({ app, name, viewers: value }) => ({ labels: { app, name }, value })),
  },
  {
    name: 'sluice_hls_answers_total',
    kind: 'counter',
    help: 'Answers below /hls/, by status',
    labels: ['status'],
    read: ({ delivery }) =>
      [...delivery.answers].map(([status, value]) => ({ labels: { status: `${status}` }, value })),
  },
  http('counter', 'sluice_hls_sent_bytes_total', 'Bytes of bodies below /hls/', (from) => from.bytes),
  http('gauge', 'sluice_hls_waiting', 'Requests that wait for media', (from) => from.waiting),
  http(
    'counter',
    'sluice_hls_waiting_refused_total',
    'Requests turned away because too many wait',
    (from) => from.waitersRefused,
  ),
  http(
    'counter',
    'sluice_hls_waiting_abandoned_total',
    'Clients that left while they waited',
    (from) => from.waitersAbandoned,
  ),
  http(
    'counter',
    'sluice_hls_shared_total',
    'Requests answered together with an earlier one for the same',
    (from) => from.shared,
  ),
  http('gauge', 'sluice_hls_unread_answers', 'Answers not yet read to the end', (from) => from.slowReaders),
  http(
    'counter',
    'sluice_hls_slow_readers_cut_total',
    'Answers ended because they were read too slowly',
    (from) => from.slowReadersCut,
  ),
  process(
    'gauge',
    'sluice_event_loop_delay_p50_seconds',
    'Event loop delay since the last look',
    (from) => from.delayP50,
  ),
  process(
    'gauge',
    'sluice_event_loop_delay_p99_seconds',
    'Event loop delay since the last look',
    (from) => from.delayP99,
  ),
  process(
    'gauge',
    'sluice_event_loop_delay_max_seconds',
    'Event loop delay since the last look',
    (from) => from.delayMax,
  ),
  process('counter', 'sluice_cpu_seconds_total', 'CPU time of the gateway, FFmpeg not counted', (from) => from.cpu),
  process(
    'gauge',
    'sluice_resident_memory_bytes',
    'Memory of the gateway, FFmpeg not counted',
    (from) => from.resident,
  ),
  process('gauge', 'sluice_heap_used_bytes', 'JavaScript heap in use', (from) => from.heapUsed),
  process('gauge', 'sluice_external_memory_bytes', 'Memory of buffers', (from) => from.external),
  process('counter', 'sluice_uptime_seconds_total', 'Since the start of the process', (from) => from.uptime),
];
