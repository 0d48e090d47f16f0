// All metrics of /metrics in one table. A test compares docs/metrics.md with it.

import { BUCKET_METRICS } from './bucket-metrics.js';
import { labelled, type MetricDefinition, ofStream, one } from './metric-definition.js';

const rtmp = one(({ gateway }) => gateway.rtmp);
const capacity = one(({ gateway }) => gateway.capacity);
const streams = one(({ gateway }) => ({ shown: gateway.streams.length, broken: gateway.brokenStreams }));
const http = one(({ delivery }) => delivery);
const connections = one((snapshot) => snapshot.connections);
const process = one((snapshot) => snapshot.process);

export const METRICS: readonly MetricDefinition[] = [
  rtmp('gauge', 'sluice_rtmp_connections', 'RTMP connections open', 'connections'),
  rtmp('counter', 'sluice_rtmp_connections_total', 'RTMP connections accepted', 'connectionsAccepted'),
  rtmp(
    'counter',
    'sluice_rtmp_connections_refused_total',
    'RTMP connections closed at once because too many were open',
    'connectionsRefused',
  ),
  rtmp('gauge', 'sluice_rtmp_publishers', 'Publishers now', 'publishers'),
  rtmp('counter', 'sluice_rtmp_publishes_total', 'Publish requests accepted', 'publishesAccepted'),
  rtmp('counter', 'sluice_rtmp_publishes_refused_total', 'Publish requests refused', 'publishesRefused'),
  rtmp('gauge', 'sluice_rtmp_viewers', 'RTMP viewers now', 'viewers'),
  rtmp('counter', 'sluice_rtmp_plays_total', 'Play requests accepted', 'playsAccepted'),
  rtmp('counter', 'sluice_rtmp_plays_refused_total', 'Play requests refused', 'playsRefused'),
  rtmp(
    'counter',
    'sluice_rtmp_viewers_dropped_messages_total',
    'Messages that RTMP viewers were too slow to receive',
    'viewerDroppedTags',
  ),
  rtmp('counter', 'sluice_rtmp_received_bytes_total', 'Bytes read from RTMP peers', 'bytesReceived'),
  rtmp('counter', 'sluice_rtmp_sent_bytes_total', 'Bytes written to RTMP peers', 'bytesSent'),
  {
    name: 'sluice_rtmp_errors_total',
    kind: 'counter',
    help: 'RTMP connections ended by an error, by error code',
    labels: ['code'],
    read: ({ gateway }) =>
      [...(gateway.rtmp?.closedByError ?? [])].map(([code, value]) => ({ labels: { code }, value })),
  },
  capacity('counter', 'sluice_renditions_shed_total', 'Renditions withdrawn because encoding was too slow', 'shed'),
  capacity(
    'counter',
    'sluice_ladders_refused_total',
    'Publishers served without a ladder because the machine was full',
    'refused',
  ),
  capacity('gauge', 'sluice_transcodes', 'Streams whose video is encoded', 'transcodes'),
  streams('gauge', 'sluice_streams', 'Streams that viewers can watch', 'shown'),
  streams('counter', 'sluice_streams_broken_total', 'Streams ended by an internal error of the gateway', 'broken'),
  ofStream('counter', 'sluice_stream_received_bytes_total', 'Bytes of media received', 'bytesIn'),
  ofStream('gauge', 'sluice_stream_bitrate_bits_per_second', 'Bit rate received', 'bitrate'),
  ofStream('counter', 'sluice_stream_video_frames_total', 'Video frames received', 'videoFrames'),
  ofStream('counter', 'sluice_stream_audio_frames_total', 'Audio frames received', 'audioFrames'),
  ofStream('gauge', 'sluice_stream_frames_per_second', 'Video frame rate received', 'frameRate'),
  ofStream(
    'counter',
    'sluice_stream_dropped_frames_total',
    'Frames left out because no decoder could start with them',
    'droppedTags',
  ),
  ofStream(
    'counter',
    'sluice_stream_repaired_timestamps_total',
    'Frames whose timestamp had to be changed',
    'repairedTimestamps',
  ),
  {
    name: 'sluice_stream_repairs_total',
    kind: 'counter',
    help: 'Faults in the media of the publisher that were repaired, left out or bridged, by kind',
    labels: ['app', 'name', 'what'],
    read: ({ gateway }) =>
      gateway.streams.flatMap(({ app, name, repairs }) =>
        [...(repairs ?? [])].map(([what, value]) => ({ labels: { app, name, what }, value })),
      ),
  },
  ofStream('counter', 'sluice_stream_clock_jumps_total', "Jumps of the publisher's clock", 'clockJumps'),
  ofStream(
    'counter',
    'sluice_stream_forced_cuts_total',
    'Segments cut without a key frame because none came in time',
    'forcedCuts',
  ),
  ofStream('counter', 'sluice_stream_gaps_total', 'Segments listed as gaps', 'gaps'),
  ofStream('counter', 'sluice_stream_discontinuities_total', 'Discontinuities listed', 'discontinuities'),
  ofStream(
    'counter',
    'sluice_stream_disk_failures_total',
    'Failed attempts to update the copy on disk',
    'storeFailures',
  ),
  ofStream('counter', 'sluice_stream_ffmpeg_restarts_total', 'Restarts of FFmpeg', 'ffmpegRestarts'),
  ofStream(
    'gauge',
    'sluice_stream_ffmpeg_speed_ratio',
    'Speed of the encoders: media time divided by elapsed time; below 1 they do not keep up',
    'ffmpegSpeed',
  ),
  {
    name: 'sluice_stream_withdrawn_renditions',
    kind: 'gauge',
    help: 'Renditions removed while the stream ran, by reason',
    labels: ['app', 'name', 'reason'],
    read: ({ gateway }) =>
      gateway.streams.flatMap(({ app, name, withdrawn }) =>
        [...(withdrawn ?? [])].map(([reason, value]) => ({ labels: { app, name, reason }, value })),
      ),
  },
  {
    name: 'sluice_stream_hls_viewers',
    kind: 'gauge',
    help: 'HLS and DASH viewers that this server sees: pairs of address and User-Agent in the last 15 s',
    labels: ['app', 'name'],
    read: ({ viewers }) => viewers.map(({ app, name, viewers: value }) => ({ labels: { app, name }, value })),
  },
  {
    name: 'sluice_hls_answers_total',
    kind: 'counter',
    help: 'Answers below /hls/ and manifests below /dash/, by status',
    labels: ['status'],
    read: ({ delivery }) =>
      [...delivery.answers].map(([status, value]) => ({ labels: { status: `${status}` }, value })),
  },
  http('counter', 'sluice_hls_sent_bytes_total', 'Bytes of response bodies below /hls/', 'bytes'),
  http('gauge', 'sluice_hls_waiting', 'Requests that wait for media', 'waiting'),
  http('counter', 'sluice_hls_waiting_refused_total', 'Requests refused because too many wait', 'waitersRefused'),
  http('counter', 'sluice_hls_waiting_abandoned_total', 'Clients that left while they waited', 'waitersAbandoned'),
  http(
    'counter',
    'sluice_hls_shared_total',
    'Requests answered together with an earlier request for the same resource',
    'shared',
  ),
  http('gauge', 'sluice_hls_unread_answers', 'Answers that clients have not read to the end', 'slowReaders'),
  http(
    'counter',
    'sluice_hls_slow_readers_cut_total',
    'Answers cut off because they were read too slowly',
    'slowReadersCut',
  ),
  http(
    'gauge',
    'sluice_unread_answer_bytes',
    'Memory held by answers that clients have not read to the end',
    'unreadBytes',
  ),
  {
    name: 'sluice_unread_answers_cut_total',
    kind: 'counter',
    help: 'Answers cut off because unread answers held too much memory: of one address, of one HTTP/2 connection, or in total',
    labels: ['limit'],
    read: ({ delivery }) => Object.entries(delivery.unreadCut).map(([limit, value]) => ({ labels: { limit }, value })),
  },
  {
    name: 'sluice_http_viewers_refused_total',
    kind: 'counter',
    help: 'Requests refused because the viewer may not watch, by error code',
    labels: ['code'],
    read: ({ viewersRefused }) => [...viewersRefused].map(([code, value]) => ({ labels: { code }, value })),
  },
  {
    name: 'sluice_admin_refused_total',
    kind: 'counter',
    help: 'Refused requests to the management API, by error code',
    labels: ['code'],
    read: ({ gateway }) => [...(gateway.adminRefused ?? [])].map(([code, value]) => ({ labels: { code }, value })),
  },
  {
    name: 'sluice_webhook_messages_waiting',
    kind: 'gauge',
    help: 'Messages that must reach a webhook and are not delivered yet',
    labels: [],
    read: ({ gateway }) => [{ labels: {}, value: gateway.outbox?.waiting ?? 0 }],
  },
  {
    name: 'sluice_webhook_messages_total',
    kind: 'counter',
    help: 'Messages that must reach a webhook, by what became of them: delivered, or dropped after a day or because too many were waiting',
    labels: ['result'],
    read: ({ gateway: { outbox } }) =>
      (['delivered', 'dropped'] as const).map((result) => ({ labels: { result }, value: outbox?.[result] ?? 0 })),
  },
  {
    name: 'sluice_timed_events_total',
    kind: 'counter',
    help: 'Timed events, by origin: publisher (data messages) or program (the API); dropped: too large, or too many waiting',
    labels: ['origin'],
    read: ({ gateway: { timedEvents } }) =>
      (['publisher', 'program', 'dropped'] as const).map((origin) => ({
        labels: { origin },
        value: timedEvents?.[origin] ?? 0,
      })),
  },
  {
    name: 'sluice_event_readers',
    kind: 'gauge',
    help: 'Connections that read timed events',
    labels: [],
    read: ({ gateway }) => [{ labels: {}, value: gateway.timedEvents?.readers ?? 0 }],
  },
  connections('gauge', 'sluice_http_connections', 'Connections to the HTTP and HTTPS ports', 'open'),
  connections('counter', 'sluice_http_connections_total', 'Connections accepted there', 'accepted'),
  {
    name: 'sluice_http_refused_total',
    kind: 'counter',
    help: 'Connections closed at once and requests refused there, by the limit or for their method',
    labels: ['limit'],
    read: (snapshot) => labelled('limit', snapshot.connections?.refused),
  },
  {
    name: 'sluice_http_connections_ended_total',
    kind: 'counter',
    help: 'Connections ended there because of what they sent, because of what they did not send in time, or by an internal error',
    labels: ['reason'],
    read: (snapshot) => labelled('reason', snapshot.connections?.ended),
  },
  http(
    'counter',
    'sluice_http_internal_errors_total',
    'Internal errors of the HTTP side outside the answer to a request; each cost a connection at most',
    'internalErrors',
  ),
  ...BUCKET_METRICS,
  process(
    'gauge',
    'sluice_event_loop_delay_p50_seconds',
    'Event loop delay since the last request, median',
    'delayP50',
  ),
  process(
    'gauge',
    'sluice_event_loop_delay_p99_seconds',
    'Event loop delay since the last request, 99th percentile',
    'delayP99',
  ),
  process(
    'gauge',
    'sluice_event_loop_delay_max_seconds',
    'Event loop delay since the last request, maximum',
    'delayMax',
  ),
  process('counter', 'sluice_cpu_seconds_total', 'CPU time of the gateway, FFmpeg not counted', 'cpu'),
  process('gauge', 'sluice_resident_memory_bytes', 'Memory of the gateway, FFmpeg not counted', 'resident'),
  process('gauge', 'sluice_heap_used_bytes', 'JavaScript heap in use', 'heapUsed'),
  process('gauge', 'sluice_external_memory_bytes', 'Memory of buffers', 'external'),
  process('counter', 'sluice_uptime_seconds_total', 'Time since the start of the process', 'uptime'),
];
