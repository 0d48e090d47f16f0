import type { PullSourceState } from '../../../src/contracts/relay.js';
// The management API without a socket: real tokens, a real audit log, and fake grants that record when they are ended.

import type { FastifyInstance } from 'fastify';
import { onTestFinished } from 'vitest';
import { AuditLog } from '../../../src/access/audit/audit-log.js';
import { OperatorTokens } from '../../../src/access/operators/operator-tokens.js';
import type { Ban, Grant, GrantControl } from '../../../src/contracts/grant.js';
import { OPERATOR_ROLES, type OperatorRole } from '../../../src/contracts/operators.js';
import type {
  BucketState,
  NewClip,
  NewRecording,
  RecordingControl,
  RecordingMovie,
  RecordingState,
  StoredRecording,
  UploadState,
} from '../../../src/contracts/recordings.js';
import type { EventControl, NewTimedEvent, TimedEvent } from '../../../src/contracts/timed-event.js';
import { dataError } from '../../../src/data/errors.js';
import { publisherStore } from '../../../src/gateway/publisher-store.js';
import { targetStore } from '../../../src/gateway/target-store.js';
import { recordingError } from '../../../src/recording/errors.js';
import { PushTargets } from '../../../src/relay/push-targets.js';
import { type AdminAppDependencies, buildAdminApp } from '../../../src/servers/admin/app.js';
import { systemClock } from '../../../src/system-clock.js';
import { temporaryDirectory } from '../../support/temp-dir.js';
import { silentLogger } from '../../transcode/silent-logger.js';
import { LIVE_STREAM } from '../http/fake-origin.js';

export const PUBLISHER: Grant = {
  id: 'grant-1',
  action: 'publish',
  protocol: 'rtmp',
  app: 'live',
  name: 'demo',
  holder: { proof: 'key', id: 'key-1' },
  remoteAddress: '192.0.2.1',
  since: 1_800_000_000_000,
  options: {},
};
export const VIEWER: Grant = {
  ...PUBLISHER,
  id: 'grant-2',
  action: 'play',
  protocol: 'hls',
  holder: { proof: 'token', id: 'sid-of-a-token' },
  session: 'sid-of-a-token',
  until: 1_900_000_000_000,
};

/** Grants that end on request. */
export class FakeGrants implements GrantControl {
  grants: Grant[] = [PUBLISHER, VIEWER];
  readonly bans: Ban[] = [];
  readonly ended: { readonly id: string; readonly reason: string; readonly banFor: number | undefined }[] = [];

  listGrants(): readonly Grant[] {
    return this.grants;
  }

  grant(id: string): Grant | undefined {
    return this.grants.find((grant) => grant.id === id);
  }

  end(id: string, reason: string, banFor?: number): boolean {
    const found = this.grant(id) !== undefined;
    this.grants = this.grants.filter((grant) => grant.id !== id);
    if (found) this.ended.push({ id, reason, banFor });
    return found;
  }

  ban(ban: Omit<Ban, 'id'>): Ban {
    const made = { ...ban, id: `ban-${this.bans.length + 1}` };
    this.bans.push(made);
    return made;
  }

  listBans(): readonly Ban[] {
    return this.bans;
  }

  liftBan(id: string): boolean {
    const index = this.bans.findIndex((ban) => ban.id === id);
    if (index >= 0) this.bans.splice(index, 1);
    return index >= 0;
  }
}

/** One finished recording, and `live/demo`, which is recorded on request. */
export class FakeRecordings implements RecordingControl {
  readonly all = new Map<string, RecordingState>([[FINISHED.id, FINISHED]]);

  list(): { readonly recordings: readonly RecordingState[] } {
    return { recordings: [...this.all.values()] };
  }

  find(id: string): StoredRecording | undefined {
    const facts = this.all.get(id);
    return facts && { facts, directory: '/nowhere' };
  }

  async seek(id: string): Promise<StoredRecording | undefined> {
    return this.find(id);
  }

  isReading = false;
  readonly viewersMayClip = false;

  async clipForViewer(id: string, clip: NewClip): Promise<RecordingState> {
    return this.clip(id, clip);
  }

  of(): undefined {
    return undefined;
  }

  bounds(): undefined {
    return undefined;
  }

  totals(): { readonly count: number; readonly bytes: number } {
    return { count: this.all.size, bytes: 0 };
  }

  async movie(id: string): Promise<RecordingMovie> {
    throw recordingError('recording.mp4', `${id} has no media`);
  }

  start(app: string, name: string, { title }: NewRecording = {}): RecordingState {
    if (name !== LIVE_STREAM.name) throw recordingError('recording.no-such-stream', `no stream ${app}/${name} is live`);
    const id = FINISHED.id.replace('0', '1');
    const started: RecordingState = { ...FINISHED, id, app, name, title, state: 'recording' };
    this.all.set(id, started);
    return started;
  }

  stop(_app: string, name: string): RecordingState | undefined {
    return name === LIVE_STREAM.name ? FINISHED : undefined;
  }

  async change(id: string, change: { readonly title?: string; readonly pinned?: boolean }): Promise<RecordingState> {
    const changed = { ...this.#existing(id), ...change };
    this.all.set(id, changed);
    return changed;
  }

  async clip(id: string, { from, title }: NewClip): Promise<RecordingState> {
    const { start, ...source } = this.#existing(id);
    const of = source.id;
    const begin = start + Number(from) * 1000;
    const clip = { of, from: begin, to: start + source.duration * 1000, skip: 0.5, cut: 0, madeAt: start + 1 };
    const made: RecordingState = { ...source, id: FINISHED.id.replace('0', '2'), start: begin - 500, title, clip };
    this.all.set(made.id, made);
    return made;
  }

  async clipStream(app: string, name: string, clip: NewClip): Promise<RecordingState> {
    if (name !== LIVE_STREAM.name) throw recordingError('recording.no-such-stream', `no stream ${app}/${name} is live`);
    return this.clip(FINISHED.id, clip);
  }

  async remove(id: string): Promise<void> {
    const { state } = this.#existing(id);
    if (state === 'recording') throw recordingError('recording.being-made', `recording ${id} is still being made`);
    this.all.delete(id);
  }

  bucket(): BucketState | undefined {
    return {
      ...{ reason: 'there is no such bucket', requests: 1, failedRequests: 2, sentBytes: 3 },
      ...{ pendingRecordings: 1, pendingBytes: 5, lag: 6.5, droppedSegments: 7 },
    };
  }

  uploadOf(): UploadState | undefined {
    return 'uploading';
  }

  #existing(id: string): RecordingState {
    const facts = this.all.get(id);
    if (facts === undefined) throw recordingError('recording.no-such-recording', `there is no recording ${id}`);
    return facts;
  }
}

/** Only `live/demo` is live. */
class FakeEvents implements EventControl {
  #seq = 0;

  send(app: string, name: string, { name: event, values, at = Date.UTC(2026, 10, 28) }: NewTimedEvent): TimedEvent {
    if (name !== LIVE_STREAM.name) throw dataError('data.no-such-stream', `no stream ${app}/${name} is live`);
    if (this.#seq >= 2) throw dataError('data.event-rate', 'got too many events');
    this.#seq += 1;
    return { seq: this.#seq, name: event, mediaTime: 1.5, date: at, values };
  }

  read(): undefined {
    return undefined;
  }
}

export const FINISHED: RecordingState = {
  ...{ id: '01m8hgbrkf8jfx3hh4kj75bk6k', app: 'live', name: 'demo', pinned: false, state: 'finished' },
  ...{ start: Date.UTC(2026, 10, 28), end: Date.UTC(2026, 10, 28, 1), duration: 3600, bytes: 7, gaps: [] },
  renditions: [{ name: 'source' }],
};

export const SOURCE: PullSourceState = {
  ...{ app: 'live', name: 'far', url: 'rtmp://192.0.2.1/live/•••', onDemand: true, state: 'idle' },
  ...{ since: Date.UTC(2026, 10, 28), bytes: 0 },
};

export interface AdminUnderTest {
  readonly app: FastifyInstance;
  readonly stateDir: string;
  readonly grants: FakeGrants;
  readonly recordings: FakeRecordings;
  readonly targets: PushTargets;
  readonly operators: OperatorTokens;
  readonly audit: AuditLog;
  /** Sessions of play tokens that were revoked. */
  readonly revoked: string[];
  /** When their tokens end, in seconds. */
  readonly revokedUntil: number[];
  readonly refused: ReadonlyMap<string, number>;
  readonly tokens: Readonly<Record<OperatorRole, string>>;
  /** The headers of a request with the token of this role. */
  as(role: OperatorRole): { readonly authorization: string };
}

export async function adminUnderTest(changes: Partial<AdminAppDependencies> = {}): Promise<AdminUnderTest> {
  const stateDir = await temporaryDirectory();
  const wallClock = () => Date.now();
  const grants = new FakeGrants();
  const recordings = new FakeRecordings();
  const operators = new OperatorTokens({ stateDir, logger: silentLogger, wallClock });
  const audit = new AuditLog({ stateDir, wallClock });
  const streams = [LIVE_STREAM];
  const revoked: string[] = [];
  const revokedUntil: number[] = [];
  const targets = new PushTargets({
    ...{ configured: [], hosts: [], store: targetStore(stateDir), clock: systemClock, logger: silentLogger },
    ...{ streams: { open: () => undefined, list: () => [] }, ownPorts: () => [], onState: () => undefined },
  });
  const { app, refused } = buildAdminApp({
    version: '1.2.3',
    health: { ready: () => ({ ready: true, reasons: [] }) },
    streams: {
      list: () => streams,
      get: (application, name) => streams.find((stream) => stream.app === application && stream.name === name),
    },
    grants,
    events: new FakeEvents(),
    revokeSession: async ({ sid, until }) => {
      revoked.push(sid);
      revokedUntil.push(until);
    },
    recordings,
    sources: () => [SOURCE],
    targets,
    publishers: publisherStore(stateDir),
    operators,
    audit,
    configuration: () => [
      { key: 'httpPort', value: 8080 },
      { key: 'publishKey', value: '[redacted]' },
    ],
    metrics: () => ({ contentType: 'text/plain; version=0.0.4', render: async () => 'sluice_streams 1\n' }),
    wallClock,
    ...changes,
  });
  onTestFinished(() => app.close());
  const made = await Promise.all(OPERATOR_ROLES.map(async (role) => (await operators.add({ role, name: role })).token));
  const tokens = Object.fromEntries(
    OPERATOR_ROLES.map((role, index) => [role, made[index] ?? '']),
  ) as AdminUnderTest['tokens'];
  await app.ready();
  return {
    app,
    stateDir,
    grants,
    recordings,
    targets,
    operators,
    audit,
    revoked,
    revokedUntil,
    refused,
    tokens,
    as: (role) => ({ authorization: `Bearer ${tokens[role]}` }),
  };
}
