// Decides when the publisher of a name changes, when the name waits and when it ends. `PresentationLife` (hls/) carries it out in playlists.
import type { LiveStream } from '../live/stream.js';
import { SluiceError } from '../protocols/errors.js';
import { StateMachine } from '../protocols/state-machine.js';
import { Encoding } from './encoding.js';
import { Publisher } from './publisher.js';
import { ResumeWindow } from './resume-window.js';
import { Slate } from './slate.js';
import { type PeriodNews, StreamLog } from './stream-log.js';
import { StreamMedia } from './stream-media.js';
import { StreamOwner } from './stream-owner.js';
import type { PipelineState, StreamPipelineOptions } from './stream-pipeline-options.js';
import type { StreamPlan } from './stream-plan.js';

export class StreamLife {
  readonly app: string;
  readonly name: string;
  protected readonly options: StreamPipelineOptions;
  readonly #log: StreamLog;
  readonly #owner: StreamOwner;
  protected readonly machine = new StateMachine<PipelineState>('pipeline', 'waiting', {
    waiting: ['running', 'ended'],
    running: ['suspended', 'draining'],
    suspended: ['running', 'draining'],
    draining: ['ended'],
    ended: [],
  });
  /** The attached publisher, or a publisher that has left and whose last tags are being processed. */
  protected publisher: Publisher | undefined;
  /** A publisher that came while the previous one is being flushed. */
  protected next: Publisher | undefined;
  /** The stream of the attached publisher, otherwise of the last one; never the slate's. */
  protected lastStream: LiveStream | undefined;
  /** Number of publishers so far. */
  protected publisherCount = 0;
  protected readonly media: StreamMedia;
  protected readonly encoding: Encoding;
  #entering: Promise<void> | undefined;
  #suspending: Promise<void> = Promise.resolve();
  protected readonly window: ResumeWindow;
  readonly #slate: Slate;
  /** Plan of the last publisher, the slate excluded. */
  protected plan: StreamPlan | undefined;
  /** Resolves when it has ended; undefined until the end begins. */
  protected ending: Promise<void> | undefined;
  /** Called when requests no longer need to wait for a presentation of this name. */
  readonly #abandon: () => void;

  constructor(options: StreamPipelineOptions) {
    const { app, name, logger } = options;
    this.app = app;
    this.name = name;
    this.#log = new StreamLog(logger, { app, stream: name }, options.onNews);
    const log = this.#log;
    this.#owner = new StreamOwner({ clock: options.clock, log, onBroken: (error) => this.#onBroken(error) });
    const { live, served } = this.#owner;
    const clock = live.clock(options.clock);
    this.options = { ...options, clock };
    this.encoding = new Encoding(this.options, {
      domain: live,
      fields: log.fields,
      onExhausted: (publisher, cause) => {
        this.#fail(publisher, cause);
        // The next publisher starts with the whole ladder again.
        this.endInBackground();
      },
    });
    this.window = new ResumeWindow(clock, options.resumeWindow, () => this.endInBackground());
    this.#slate = new Slate(this.options, {
      domain: live,
      resumeTime: () => this.media.presentation?.resumeTime,
      onStream: (stream) => this.#use(this.#listen(stream, true)),
      onFailed: (error) => log.warning(error),
    });
    this.media = new StreamMedia(options, served, log, this.encoding, (publisher) => this.#turn(publisher));
    this.#abandon = options.origin.starting(app, name);
  }

  /** Attaches the first publisher or, if `resumable`, the next one. The previous one must have ended. */
  attach(stream: LiveStream): void {
    this.lastStream = stream;
    this.publisherCount += 1;
    this.#log.publisherComes();
    const publisher = this.#listen(stream, false);
    this.window.stopWatching();
    if (this.publisher === undefined) this.#use(publisher);
    else this.next = publisher;
    // Ends the stream of the slate, so that the publisher can take its place.
    this.#owner.live.run('slate gives way', () => this.#slate.stop());
  }

  /**
   * Flushes FFmpeg, ends the playlists, and resolves when the disk copy has caught up. After an internal error FFmpeg is killed instead.
   * Idempotent; never rejects.
   */
  end(): Promise<void> {
    this.ending ??= this.#end();
    return this.ending;
  }

  /** Like `end`, while nobody waits for it. */
  endInBackground(): void {
    this.#owner.served.run('end in time', () => this.end());
  }

  #listen(stream: LiveStream, isSlate: boolean): Publisher {
    return new Publisher({
      stream,
      isSlate,
      clock: this.options.clock,
      maxGop: this.options.maxGop,
      domain: this.#owner.live,
      hadVideo: this.plan?.source.video !== undefined,
      onDecided: (decided) => this.#onDecided(decided),
      server: this.media,
      onEnd: (ended) => this.#onGone(ended),
      onWarning: (warning) => this.#log.leftOut(warning),
    });
  }

  #use(publisher: Publisher): void {
    this.publisher = publisher;
    if (publisher.tracks !== undefined) this.#onDecided(publisher);
    else if (publisher.gone) this.#onGone(publisher);
  }

  async #end(): Promise<void> {
    const { live, served } = this.#owner;
    await served.settled('flush', () => this.#drain());
    this.media.hold();
    served.attempt('abandoned name', () => this.#abandon());
    const { presentation } = this.media;
    if (presentation !== undefined) {
      const stored = served.attempt('presentation end', () => presentation.end());
      served.attempt('sequence numbers', () => this.options.onEnded(presentation));
      await this.#owner.whileWell('disk copy', stored);
      served.attempt('end news', () => this.#log.ended(this.publisherCount));
      // The stream could not be ended properly, so players get an error for it.
      if (!presentation.ended) served.attempt('presentation without end', () => this.#forget());
    }
    live.attempt('publisher close', () => this.publisher?.close());
    live.attempt('next publisher close', () => this.next?.close());
    live.attempt('capacity', () => this.encoding.release());
    live.attempt('window close', () => this.window.close());
    live.close();
    if (this.machine.can('draining')) this.machine.to('draining');
    this.machine.to('ended');
    served.attempt('directory', () => this.options.onClosed());
  }

  /** Waits until all media of the publisher has passed. Does not wait if the stream is broken. */
  async #drain(): Promise<void> {
    const owner = this.#owner;
    this.window.stopWatching();
    const slateGone = this.#slate.stop();
    await owner.whileWell('change of the publisher', this.#entering);
    this.media.hold();
    if (!this.machine.can('draining')) return;
    this.machine.to('draining');
    await owner.whileWell('slate', slateGone);
    await owner.whileWell('ffmpeg', this.encoding.finish());
    await owner.whileWell('suspension', this.#suspending);
  }

  // Publishers come and go

  #onDecided(publisher: Publisher): void {
    if (publisher !== this.publisher || this.ending !== undefined) return;
    this.#entering = this.#owner.live.settled('publisher decided', () => this.#enter(publisher));
  }

  #onGone(publisher: Publisher): void {
    if (publisher === this.next) {
      this.next = undefined;
      publisher.close();
    }
    // The tags that it sent are still being processed: the publisher leaves after that.
    if (publisher !== this.publisher || this.#entering !== undefined) return;
    this.#leave(publisher);
  }

  #leave(publisher: Publisher): void {
    publisher.gone = true;
    this.media.hold();
    const { resumeWindow } = this.options;
    if (this.ending !== undefined) return;
    if (this.machine.is('waiting') || resumeWindow <= 0) {
      this.endInBackground();
      return;
    }
    if (this.machine.is('running')) {
      this.machine.to('suspended');
      this.window.open();
      this.#log.suspended(resumeWindow);
      this.#flush();
    } else if (publisher.isSlate) this.#flush();
    publisher.close();
    this.publisher = undefined;
    const next = this.next;
    this.next = undefined;
    if (next !== undefined) {
      this.#use(next);
      return;
    }
    this.window.watch();
    this.#owner.live.run('slate shown', async () => {
      await this.#suspending;
      // A new publisher may have come meanwhile.
      const waits = this.machine.is('suspended') && this.publisher === undefined && this.ending === undefined;
      if (waits && this.plan !== undefined) this.#slate.play(this.plan);
    });
  }

  #flush(): void {
    this.#suspending = this.#owner.live.settled('suspension', async () => {
      await this.encoding.finish();
      this.media.presentation?.suspend();
    });
  }

  /** Begins a period with the held tags: the first one of the name, that of a returned publisher, or one after a change. */
  async #enter(publisher: Publisher): Promise<void> {
    await this.encoding.finish();
    await this.#suspending;
    await this.options.predecessor;
    // Clear this before held tags pass, because a change among them starts another entry.
    this.#entering = undefined;
    try {
      // A slate that was replaced shows no more pictures: the publisher continues at its position.
      if (this.ending === undefined && !(publisher.isSlate && publisher.gone)) this.#beginPeriod(publisher);
    } catch (error) {
      // An untyped error is a bug in the gateway, and ends the name.
      if (!(error instanceof SluiceError)) throw error;
      this.#fail(publisher, error);
    }
    if (publisher.gone && publisher === this.publisher && this.#entering === undefined) this.#leave(publisher);
  }

  #beginPeriod(publisher: Publisher): void {
    const plan = this.media.plan(publisher);
    const what = this.#whatBegins(publisher);
    if (!publisher.isSlate) this.#continue(plan);
    this.media.begin(what, plan, publisher);
  }

  #whatBegins({ isSlate }: Publisher): PeriodNews {
    if (this.media.presentation === undefined) return 'stream started';
    if (isSlate) return 'slate shown';
    return this.machine.is('suspended') ? 'stream resumed' : 'stream changed';
  }

  /** No publisher is waited for any longer. */
  #continue(plan: StreamPlan): void {
    this.plan = plan;
    if (!this.machine.is('running')) this.machine.to('running');
    this.window.close();
    this.#slate.allowRetry();
  }

  /** The publisher has changed its media: its tags are held until the old FFmpeg has finished. */
  #turn(publisher: Publisher): void {
    if (this.media.encodesSound) publisher.leaveOutPausedAudio();
    publisher.subscribe();
    this.#entering = this.#owner.live.settled('publisher changed', () => this.#enter(publisher));
  }

  // Failures

  /** Handles a bug in the gateway: sends the publisher an error, kills FFmpeg, and ends the playlists properly. */
  #onBroken(error: SluiceError): void {
    const { served, live } = this.#owner;
    served.attempt('fault counter', () => this.options.onBroken(error));
    this.media.hold();
    if (this.machine.is('ended')) {
      served.attempt('broken presentation', () => this.#forget());
      return;
    }
    live.attempt('ffmpeg discard', () => this.encoding.discard());
    this.endInBackground();
    for (const publisher of [this.publisher, this.next]) {
      if (publisher?.gone !== false) continue;
      live.attempt('kick', () => this.options.onFailed(publisher.stream, error));
    }
  }

  /** The playlists could not be ended, or the work after their end failed. */
  #forget(): void {
    const { presentation } = this.media;
    if (presentation === undefined) return;
    this.options.origin.detach(presentation);
    this.#owner.served.close();
    this.#owner.served.run('broken presentation removal', () => presentation.dispose());
  }

  /** Call if no media of this publisher can be served: sends it the reason, and ends the playlists. */
  #fail(publisher: Publisher, error: SluiceError): void {
    this.#log.failed(error);
    if (!publisher.gone) this.options.onFailed(publisher.stream, error);
  }
}
