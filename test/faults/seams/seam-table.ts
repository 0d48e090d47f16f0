// All seams from the start to the end of a stream, how each is reached, and what may end there. A seam in the sources that is missing here fails the
// test.

/** How the victim reaches the seam; see `Victims`. */
export type Trigger =
  /** Armed before the publisher connects. */
  | 'publishes'
  | 'publishes without sound'
  /** Armed while the stream is being watched. */
  | 'plays'
  | 'player asks'
  | 'rtmp player comes'
  | 'publisher leaves'
  | 'slate shows'
  | 'slate dies'
  | 'playlists cannot end'
  | 'publisher changes'
  | 'sound stops'
  | 'sends what is left out'
  | 'sends a broken picture'
  | 'sends a huge picture'
  | 'floods'
  | 'ffmpeg is killed'
  | 'ffmpeg output is useless'
  | 'disk fails'
  | 'is kicked'
  /** Its playlists are removed, after it has ended. */
  | 'is forgotten'
  /** For a connection that only connects, and then hangs up or resets. */
  | 'peer hangs up'
  | 'peer resets';

export interface SeamRow {
  readonly seam: string;
  readonly trigger: Trigger;
  /** The failure domain: of the stream, of its publisher's connection, of a player's connection, or of the next connection. */
  readonly of?: 'stream' | 'publisher' | 'player' | 'next connection';
  /** Reached at the end of a stream that this other fault has broken. */
  readonly after?: string;
  /** The reported seam, if it differs from that of the earlier fault. */
  readonly told?: string;
  /** Whether the seam has a promise. It is then tested twice: with a rejected promise, and with a call that throws. */
  readonly promise?: true;
  /** If a file has several timers, selects one by its delay. */
  readonly delay?: (milliseconds: number) => boolean;
}

const stream = (trigger: Trigger, ...seams: readonly string[]): SeamRow[] => seams.map((seam) => ({ seam, trigger }));
const promises = (trigger: Trigger, ...seams: readonly string[]): SeamRow[] =>
  seams.map((seam) => ({ seam, trigger, promise: true }));
const ending = (after: string, ...seams: readonly string[]): SeamRow[] =>
  seams.map((seam) => ({ seam, trigger: 'plays', after }));
const connection = (of: SeamRow['of'] & string, trigger: Trigger, ...seams: readonly string[]): SeamRow[] =>
  seams.map((seam) => ({ seam, trigger, of }));

export const SEAMS: readonly SeamRow[] = [
  ...promises('publishes', 'publisher decided', 'disk writer'),
  ...stream('publishes without sound', 'timer in pipeline/track-decision.ts'),
  // While it plays.
  ...stream('plays', 'tag', 'ffmpeg feed', 'ffmpeg output', 'ffmpeg progress'),
  // The check whether FFmpeg hangs.
  { seam: 'timer in transcode/supervisor.ts', trigger: 'plays', delay: (ms) => ms === 250 },
  ...stream('player asks', 'timer in hls/window/blocking-reload.ts'),
  ...stream('sound stops', 'track change'),
  ...stream('sends what is left out', 'publisher warning'),
  ...stream('sends a broken picture', 'ffmpeg stderr'),
  ...stream('sends a huge picture', 'ffmpeg drain'),
  ...promises('publisher changes', 'publisher changed'),
  ...stream('disk fails', 'timer in hls/store/retried-passes.ts'),
  // FFmpeg dies.
  ...stream('ffmpeg is killed', 'ffmpeg exit', 'ffmpeg last words', 'timer in transcode/ffmpeg-process.ts'),
  ...promises('ffmpeg is killed', 'ffmpeg ended'),
  // When it is started again.
  { seam: 'timer in transcode/supervisor.ts', trigger: 'ffmpeg is killed', delay: (ms) => ms < 250 },
  ...promises('ffmpeg output is useless', 'ffmpeg of withdrawn renditions'),
  // The publisher leaves, is waited for, and the stream ends.
  ...stream('publisher leaves', 'publisher end', 'timer in pipeline/resume-window.ts'),
  ...promises('publisher leaves', 'suspension', 'slate shown', 'ffmpeg finish', 'ffmpeg stop', 'end in time', 'flush'),
  // The time limit for flushing.
  { seam: 'timer in transcode/supervisor.ts', trigger: 'publisher leaves', delay: (ms) => ms === 3_000 },
  // The time that each step of its end may take.
  ...stream('publisher leaves', 'timer in pipeline/stream-owner.ts'),
  ...stream('publisher leaves', 'abandoned name', 'presentation end', 'sequence numbers', 'end news', 'capacity'),
  ...stream('publisher leaves', 'publisher close', 'next publisher close', 'window close', 'directory'),
  ...stream('publisher leaves', 'last segments', 'playlist end', 'rest', 'multivariant end', 'waiting requests'),
  ...stream('publisher leaves', 'end listener'),
  ...promises('publisher leaves', 'disk copy', 'change of the publisher', 'slate', 'ffmpeg'),
  ...promises('publishes', 'slate gives way'),
  ...promises('slate shows', 'slate ended'),
  ...promises('slate dies', 'slate stop'),
  ...promises('is forgotten', 'unlisting', 'removal'),
  ...stream('is forgotten', 'timer in hls/origin/named-streams.ts'),
  { seam: 'broken presentation', trigger: 'is forgotten', after: 'unlisting' },
  // The stream has been broken before.
  ...ending('tag', 'fault counter', 'ffmpeg discard', 'kick', 'release'),
  { seam: 'ffmpeg kill', trigger: 'plays', after: 'tag', promise: true },
  { seam: 'presentation without end', trigger: 'playlists cannot end', told: 'presentation end' },
  { seam: 'broken presentation removal', trigger: 'is forgotten', after: 'unlisting', promise: true },
  // Connections: of the publisher, of a player, and new ones.
  ...connection('publisher', 'plays', 'rtmp data'),
  ...connection('publisher', 'floods', 'rtmp turn'),
  ...connection('publisher', 'publisher leaves', 'rtmp connect check', 'rtmp pump stop', 'rtmp publisher end'),
  ...connection('publisher', 'publisher leaves', 'rtmp viewers end', 'rtmp close'),
  ...connection('publisher', 'is kicked', 'rtmp kick'),
  { seam: 'rtmp last words', trigger: 'plays', of: 'publisher', after: 'rtmp data' },
  { seam: 'rtmp connect decision', trigger: 'publishes', of: 'next connection', promise: true },
  { seam: 'rtmp publish decision', trigger: 'publishes', of: 'next connection', promise: true },
  { seam: 'rtmp deadline', trigger: 'publishes', of: 'next connection' },
  { seam: 'rtmp publication end', trigger: 'publishes', of: 'next connection' },
  { seam: 'rtmp play decision', trigger: 'rtmp player comes', of: 'next connection', promise: true },
  ...connection('next connection', 'rtmp player comes', 'rtmp player reads', 'rtmp player is sent to'),
  { seam: 'rtmp drain', trigger: 'sends a huge picture', of: 'player' },
  { seam: 'rtmp player hears the end', trigger: 'publisher leaves', of: 'player' },
  ...connection('next connection', 'peer hangs up', 'rtmp end'),
  ...connection('next connection', 'peer resets', 'rtmp error'),
];

/** Seams at the end of the gateway, for streams of an earlier process, and for a certificate: each has its own test below the table's. */
export const OTHERS: readonly string[] = [
  ...['rtmp servers', 'thumbnails', 'web servers', 'certificate', 'access', 'directories', 'rtmp shutdown'],
  'streams',
  // Of recordings: test/faults/seams-recording.test.ts.
  ...['recording start', 'recording', 'end of a recording', 'finishing a recording', 'retention', 'recordings'],
  ...['reading of recordings', 'timer in recording/earlier-recordings.ts'],
  ...['timer in recording/recorder.ts', 'timer in recording/retention-rounds.ts'],
  // Of the bucket: test/recording/bucket/recording-uploads.test.ts, test/recording/bucket/live-uploads.test.ts.
  ...['live upload', 'end of a live upload', 'removal from the bucket', 'removal of an ended stream'],
  ...['streams of an earlier process', 'end of streams of an earlier process'],
  ...['timer in recording/bucket/bucket-removals.ts', 'timer in recording/bucket/live-uploads.ts'],
  ...['bucket upload', 'bucket backlog', 'bucket removal', 'timer in recording/bucket/bucket-line.ts'],
  ...['timer in recording/bucket/recording-bucket.ts', 'timer in recording/bucket/recording-uploads.ts'],
  // Of push targets: test/faults/seams-relay.test.ts.
  ...['relay connected', 'relay data', 'relay error', 'relay end', 'relay close', 'relay written'],
  ...['target reads', 'target hears the end', 'target is sent to', 'file of targets', 'relay'],
  ...['timer in relay/push-run.ts', 'timer in relay/rtmp-link.ts', 'timer in relay/pull-source.ts'],
  ...['source is kicked', 'timer in gateway/pulled-streams.ts'],
  ...['end of a left stream', 'unlisting of a left stream', 'removal of a left stream'],
  ...['timer in transcode/thumbnail-maker.ts', 'timer in pipeline/capacity.ts', 'timer in gateway/close-deadline.ts'],
  'certificate look',
  'revocations look',
  'publishers look',
  'key use',
  'jwks fetch',
  'jwks keep',
  // Of messages to webhooks: test/events/outbox.test.ts.
  ...['outbox delivery', 'outbox file', 'timer in events/outbox/delivery-lanes.ts', 'timer in events/outbox/outbox.ts'],
  ...['timer in access/policy/grants.ts', 'timer in access/policy/sessions.ts', 'timer in access/policy/ban-file.ts'],
  'banned viewers',
  // A file that cannot be written is logged: test/access/policy.test.ts.
  'bans kept',
  // Of permissions: test/faults/seams-access.test.ts.
  ...['timer in access/policy/grants.ts', 'timer in access/policy/sessions.ts', 'timer in access/policy/ban-file.ts'],
  'admin refusal',
];

/** For sockets and timers that belong to no stream: test/faults/seams-connections.test.ts. */
export const CONNECTION_SEAMS: readonly string[] = [
  // Of one HTTP connection.
  ...['http accept', 'http data', 'http written', 'http answer closed', 'http close', 'http end', 'http turn'],
  ...['https handshake', 'http secured', 'http deadline'],
  // Of all HTTP connections.
  ...['http deadlines', 'http log', 'https handshake failed', 'http accept failed', 'unread answer', 'request log'],
  ...[
    'waiting place',
    'waiting client left',
    'http refusal',
    'answer broken',
    'body broken',
    'unread answer done',
    'viewer decision',
  ],
  // Of readers of timed events: test/servers/http/events.test.ts.
  ...['event sent', 'events over', 'event heartbeat'],
  ...['slow readers', 'slow reader', 'slow reader done', 'descriptors checked', 'accept failed'],
  // An error there affects one connection only.
  ...['proxy header', 'proxy hangs up'],
  ...['rtmp accept failed', 'spare descriptor', 'rtmp place free', 'rtmps handshake failed', 'encoder gave up'],
];
