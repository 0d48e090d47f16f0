// The public interface of the stream of one name.
import type { GrantOptions } from '../contracts/grant.js';
import type { Presentation } from '../hls/presentation.js';
import type { LiveStream } from '../live/stream.js';
import type { Milliseconds } from '../protocols/units.js';
import type { SourceDescription } from '../transcode/describe-source.js';
import type { EncodingState, Withdrawal } from './encoding.js';
import { StreamLife } from './stream-life.js';
import type { PipelineState } from './stream-pipeline-options.js';

export type { EncodingState, Withdrawal } from './encoding.js';
export type { PipelineState, StreamPipelineOptions } from './stream-pipeline-options.js';

export class StreamPipeline extends StreamLife {
  /** Of the grant of the last publisher; kept while the stream waits for its return, and after its end. */
  settings: GrantOptions = {};

  /** Names of renditions, as asked for. */
  get ladder(): readonly string[] {
    return this.options.ladder;
  }

  get state(): PipelineState {
    return this.machine.state;
  }

  /** The stream of the attached publisher, otherwise of the last one. */
  get stream(): LiveStream | undefined {
    return this.lastStream;
  }

  /** Whether a publisher is attached. */
  get publishing(): boolean {
    const publisher = this.publisher;
    return (publisher?.gone === false && !publisher.isSlate) || this.next !== undefined;
  }

  /** Number of publishers so far. */
  get publishes(): number {
    return this.publisherCount;
  }

  /** Whether viewers see the slate. */
  get showsSlate(): boolean {
    return this.media.served?.isSlate === true;
  }

  /** What the publisher sends; undefined while its tracks are unknown. */
  get source(): SourceDescription | undefined {
    return this.plan?.source;
  }

  get presentation(): Presentation | undefined {
    return this.media.presentation;
  }

  /** Milliseconds left for a publisher to come back. */
  get resumeLeft(): Milliseconds | undefined {
    return this.window.left;
  }

  get withdrawn(): readonly Withdrawal[] {
    return this.encoding.withdrawn;
  }

  /**
   * One list from two sources: a sentence for each configured thing that is not served (`StreamPlan.shortcomings`), then a sentence for
   * each thing in the last publisher's media that is repaired, dropped or faulty (`Repairs.sentences`).
   */
  get shortcomings(): readonly string[] {
    return [...(this.encoding.plan?.shortcomings ?? []), ...(this.lastStream?.shortcomings ?? [])];
  }

  /** Undefined if nothing is encoded. */
  get transcode(): EncodingState | undefined {
    return this.encoding.state;
  }

  /** Whether a publisher of this name would continue these playlists. */
  get resumable(): boolean {
    return this.ending === undefined && this.media.presentation !== undefined && this.options.resumeWindow > 0;
  }

  /** Time at which the timeline of the next publisher begins. */
  get resumeTime(): Milliseconds | undefined {
    return this.media.presentation?.resumeTime;
  }
}
