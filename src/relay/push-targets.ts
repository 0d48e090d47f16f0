// All push targets of a gateway: from its configuration, and from operators. A target has one connection for each matching stream, never two.

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Logger } from '../contracts/logger.js';
import type {
  NewPushTarget,
  PushControl,
  PushRunState,
  PushTargetChange,
  PushTargetState,
} from '../contracts/relay.js';
import type { Clock } from '../protocols/clock.js';
import { SluiceError } from '../protocols/errors.js';
import { FailureDomain } from '../protocols/failure-domain.js';
import type { Milliseconds } from '../protocols/units.js';
import { relayError } from './errors.js';
import { PresetCheck } from './preset-check.js';
import { PRESETS } from './presets.js';
import { PushRun } from './push-run.js';
import type { RtmpUrl } from './rtmp-url.js';
import type { RelayedStreams } from './stream-source.js';
import { type AllowedHosts, checkedTarget, matchesStream, type TargetDefinition, urlFor } from './target-definition.js';
import { MAX_TARGETS, parseTargets, type TargetStore, targetsText } from './target-file.js';
import { followedMove } from './target-moves.js';
import { stateOfTarget } from './target-state.js';

/** A command that changes the file takes effect within this time. */
const FILE_INTERVAL: Milliseconds = 1_000;

export interface PushTargetsOptions {
  readonly configured: readonly NewPushTarget[];
  readonly hosts: AllowedHosts;
  readonly store: TargetStore;
  readonly streams: RelayedStreams;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ports on which this gateway accepts RTMP. */
  readonly ownPorts: () => readonly number[];
  /** Called when the state of a target for a stream changes; must not throw. */
  readonly onState: (id: string, state: PushRunState) => void;
}

interface Stream {
  readonly app: string;
  readonly name: string;
}

interface Run extends Stream {
  readonly id: string;
  readonly url: RtmpUrl;
  readonly run: PushRun;
}

export class PushTargets implements PushControl {
  readonly #options: PushTargetsOptions;
  readonly #domain: FailureDomain;
  readonly #runs = new Map<string, Run>();
  #targets: readonly TargetDefinition[];
  #version: string | undefined;
  #toldFault = '';
  #looks = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #onAllClosed: () => void = () => undefined;

  constructor(options: PushTargetsOptions) {
    this.#options = options;
    this.#domain = new FailureDomain('push targets', ({ where, cause }) =>
      options.logger.error({ where, err: cause }, 'internal error: the file of targets was not read'),
    );
    this.#targets = options.configured.map((target, index) => ({
      ...checkedTarget(target, []),
      ...{ id: `config-${index + 1}`, configured: true, stopped: false },
    }));
  }

  /** Reads the targets of operators, and follows their file until `close`. @throws {SluiceError} `relay.targets` */
  async open(): Promise<void> {
    await this.#readFile();
    if (this.#closed) return;
    const look = () => this.#domain.run('file of targets', () => this.#look());
    this.#timer = setInterval(look, FILE_INTERVAL).unref();
  }

  /** Call when a publisher has started. */
  streamStarted(stream: Stream): void {
    for (const target of this.#targets) this.#serve(target, stream);
  }

  /** A target that cannot be used for this stream affects neither its publisher nor other targets. */
  #serve(target: TargetDefinition, stream: Stream): void {
    try {
      this.#send(target, stream);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      const fields = { target: target.id, app: stream.app, stream: stream.name, code: error.code };
      this.#options.logger.warn(fields, `a push target is not used for this stream: ${error.message}`);
    }
  }

  list(): readonly PushTargetState[] {
    return this.#targets.map((target) => this.#state(target));
  }

  find(id: string): PushTargetState | undefined {
    const target = this.#targets.find((known) => known.id === id);
    return target && this.#state(target);
  }

  async add(target: NewPushTarget): Promise<PushTargetState> {
    const checked = checkedTarget(target, this.#options.hosts);
    const id = randomBytes(4).toString('hex');
    await this.#change((targets) => {
      if (targets.length >= MAX_TARGETS) {
        throw relayError('relay.target-limit', `there are ${targets.length} targets, which is the limit`);
      }
      return [...targets, { ...checked, id, configured: false, stopped: false }];
    });
    return this.#state(this.#find(id));
  }

  async change(id: string, change: PushTargetChange): Promise<PushTargetState> {
    this.#changeable(id);
    const { preset } = this.#find(id);
    const checked = checkedTarget({ ...(change.url !== undefined && { preset }), ...change }, this.#options.hosts);
    await this.#replace(id, (target) => ({ ...target, ...(checked as Partial<TargetDefinition>) }));
    return this.#state(this.#find(id));
  }

  async start(id: string): Promise<PushTargetState> {
    const wasStopped = this.#find(id).stopped;
    await this.#setStopped(id, false);
    if (!wasStopped) for (const { id: of, run } of this.#runs.values()) if (of === id) run.retry();
    return this.#state(this.#find(id));
  }

  async stop(id: string): Promise<PushTargetState> {
    await this.#setStopped(id, true);
    return this.#state(this.#find(id));
  }

  async remove(id: string): Promise<void> {
    this.#changeable(id);
    await this.#change((targets) => targets.filter((target) => target.id !== id));
  }

  /** Ends the publishes at all servers. Resolves when all connections are closed. */
  close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#domain.close();
    const closed = new Promise<void>((resolve) => {
      this.#onAllClosed = resolve;
    });
    for (const { run } of [...this.#runs.values()]) run.stop();
    if (this.#runs.size === 0) this.#onAllClosed();
    return closed;
  }

  #find(id: string): TargetDefinition {
    const target = this.#targets.find((known) => known.id === id);
    if (target === undefined) throw relayError('relay.no-such-target', 'there is no target with this id');
    return target;
  }

  #changeable(id: string): void {
    if (!this.#find(id).configured) return;
    throw relayError('relay.configured', 'this target is in the configuration file; change it there');
  }

  /** A configured target is stopped until the gateway starts again. */
  async #setStopped(id: string, stopped: boolean): Promise<void> {
    const { configured } = this.#find(id);
    if (!configured) return this.#replace(id, (target) => ({ ...target, stopped }));
    this.#apply(this.#targets.map((target) => (target.id === id ? { ...target, stopped } : target)));
  }

  #replace(id: string, change: (target: TargetDefinition) => TargetDefinition): Promise<void> {
    return this.#change((targets) => {
      if (!targets.some((target) => target.id === id)) {
        throw relayError('relay.no-such-target', 'there is no target with this id');
      }
      return targets.map((target) => (target.id === id ? change(target) : target));
    });
  }

  async #change(change: (targets: TargetDefinition[]) => TargetDefinition[]): Promise<void> {
    await this.#options.store.change((text) => targetsText(change(parseTargets(text))));
    await this.#readFile();
  }

  async #readFile(): Promise<void> {
    const found = await this.#options.store.read(this.#version);
    if (found === 'unchanged' || this.#closed || found?.version === this.#version) return;
    const stored = parseTargets(found?.text);
    this.#version = found?.version;
    this.#apply([...this.#targets.filter(({ configured }) => configured), ...stored]);
  }

  /** A fault in one look at the file does not end the looking. */
  async #look(): Promise<void> {
    if (this.#looks) return;
    this.#looks = true;
    try {
      await this.#readFile();
      this.#toldFault = '';
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      if (error.message !== this.#toldFault) {
        this.#options.logger.error({ code: error.code }, `the changed targets are not applied: ${error.message}`);
      }
      this.#toldFault = error.message;
    } finally {
      this.#looks = false;
    }
  }

  /** Ends the connections of changed and removed targets, and starts new ones. */
  #apply(targets: readonly TargetDefinition[]): void {
    const before = new Map(this.#targets.map((target) => [target.id, JSON.stringify(target)]));
    this.#targets = targets;
    for (const { id, run } of [...this.#runs.values()]) {
      const target = targets.find((known) => known.id === id);
      if (target === undefined || JSON.stringify(target) !== before.get(id)) run.stop();
    }
    for (const stream of this.#options.streams.list()) this.streamStarted(stream);
  }

  #send(target: TargetDefinition, stream: Stream): void {
    const key = `${target.id}\n${stream.app}/${stream.name}`;
    if (this.#closed || target.stopped || this.#runs.has(key) || !matchesStream(target.stream, stream)) return;
    const { clock, logger, streams, onState, hosts } = this.#options;
    // The file may be older than `relayHosts`, and placeholders may be part of the host.
    const url = urlFor(target.url, stream, target.configured ? [] : hosts);
    const preset = target.preset === undefined ? undefined : PRESETS[target.preset];
    const check = preset && new PresetCheck(preset, url);
    const run = new PushRun({
      ...{ id: target.id, ...stream, url, streams, clock, logger },
      trust: { ca: target.ca, fingerprint: target.fingerprint },
      codecs: target.codecs ?? [],
      isOwn: (socket) => this.#isOwn(socket, url, stream),
      mayConnect: () => this.#inUse(key, url),
      move: (tcUrl) => followedMove(tcUrl, url, hosts, logger),
      onTag: (tag) => {
        const warning = check?.see(tag);
        if (warning !== undefined)
          logger.warn({ target: target.id, ...{ app: stream.app, stream: stream.name } }, warning);
      },
      warnings: () => check?.warnings ?? [],
      onState: (state) => onState(target.id, state),
      onClosed: (broken) => this.#runClosed(key, stream, broken),
    });
    this.#runs.set(key, { id: target.id, ...stream, url, run });
    if (!run.start()) this.#runs.delete(key);
  }

  #runClosed(key: string, stream: Stream, broken: boolean): void {
    const id = this.#runs.get(key)?.id;
    this.#runs.delete(key);
    if (this.#closed) {
      if (this.#runs.size === 0) this.#onAllClosed();
      return;
    }
    // Meanwhile the target may have changed, or another publisher may have come.
    const target = this.#targets.find((known) => known.id === id);
    if (target !== undefined && !broken) this.#serve(target, stream);
  }

  /** Returns an error if another target uses the same URL, because both would compete for the name. */
  #inUse(key: string, { host, port, app, streamName }: RtmpUrl): SluiceError | undefined {
    for (const [otherKey, { url, run, app: otherApp, name }] of this.#runs) {
      if (otherKey === key) continue;
      const same = url.host === host && url.port === port && url.app === app && url.streamName === streamName;
      if (!same || ['failed', 'stopped'].includes(run.state.state)) continue;
      return relayError('relay.in-use', `the stream ${otherApp}/${name} is being sent to this URL`);
    }
    return undefined;
  }

  #isOwn({ remoteAddress, remotePort = 0, localAddress }: Socket, url: RtmpUrl, { app, name }: Stream): boolean {
    const sameStream = url.app.split('?')[0] === app && url.streamName.split('?')[0] === name;
    return sameStream && remoteAddress === localAddress && this.#options.ownPorts().includes(remotePort);
  }

  #state(target: TargetDefinition): PushTargetState {
    const runs = [...this.#runs.values()].filter(({ id }) => id === target.id);
    return stateOfTarget(
      target,
      runs.map(({ run }) => run.state),
    );
  }
}
