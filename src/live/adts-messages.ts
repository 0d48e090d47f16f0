// Converts AAC messages with ADTS headers: the content of the headers becomes a sequence header, and the frames are passed on without them.
import {
  type AdtsConfig,
  adtsAudioSpecificConfig,
  adtsFrameSize,
  beginsWithAdts,
  readAdtsConfig,
  splitAdts,
} from '../protocols/bitstream/adts.js';
import { parseAudioSpecificConfig } from '../protocols/mp4/aac.js';
import type { IngestContext } from './ingest-context.js';

export interface OpenedAdts {
  /** The AudioSpecificConfig that must precede the frames; undefined if the one in force is right. */
  readonly configuration: Buffer | undefined;
  /** Bare AAC frames, as views. */
  readonly frames: readonly Buffer[];
  /** Whether the first of these frames, or the one that is still incomplete, began in an earlier message. */
  readonly continues: boolean;
  /** Whether a message was lost, because nothing in it could be used. */
  readonly lost: boolean;
}

export class AdtsMessages {
  readonly #context: Pick<IngestContext, 'repair'>;
  /** The content of the last header. */
  #config: AdtsConfig | undefined;
  /** The beginning of a frame that ends in the next message: at most 8190 bytes. */
  #rest: Buffer | undefined;
  /** Whether it is a whole message of which nothing was used yet. */
  #restIsMessage = false;

  constructor(context: Pick<IngestContext, 'repair'>) {
    this.#context = context;
  }

  /** Whether this message has ADTS headers, or continues a frame that has one. */
  takes(message: Buffer): boolean {
    return this.#rest !== undefined || beginsWithAdts(message) || isBeginning(message);
  }

  /** @param inForce the AudioSpecificConfig in force */
  open(message: Buffer, inForce: Buffer | undefined): OpenedAdts {
    const joined = this.#rest && Buffer.concat([this.#rest, message]);
    const continues = joined !== undefined && continuesFrame(joined, message);
    if (joined !== undefined && !continues) this.#context.repair('broken-audio');
    let lost = joined !== undefined && !continues && this.#restIsMessage;
    const bytes = continues ? joined : message;
    const opened = splitAdts(bytes) ?? [];
    const tail = afterLast(bytes, opened.at(-1)?.data);
    const isOpen = tail.length > 0 && isBeginning(tail);
    if (tail.length > 0 && !isOpen) {
      this.#context.repair('broken-audio');
      lost ||= opened.length === 0;
    }
    // Copied: a view would keep the whole message.
    this.#rest = isOpen ? Buffer.from(tail) : undefined;
    this.#restIsMessage = opened.length === 0;
    const [first] = opened;
    if (first === undefined) return { configuration: undefined, frames: [], continues, lost };
    this.#context.repair('adts-headers');
    if (continues) this.#context.repair('split-audio');
    const configuration = this.#newConfiguration(first, inForce);
    return { configuration, frames: opened.map(({ data }) => data), continues, lost };
  }

  /**
   * Makes the AudioSpecificConfig if an encoder sent an ADTS header as the sequence header; undefined if only a frame can tell the
   * channels.
   */
  openHeader(header: Buffer): Buffer | undefined {
    const config = readAdtsConfig(header);
    const made = config && adtsAudioSpecificConfig(config, undefined);
    if (made !== undefined) this.#context.repair('audio-header-made');
    return made;
  }

  /** The ADTS header was written by the encoder itself: if it contradicts the sequence header, the sequence header is wrong. */
  #newConfiguration(
    { config, data }: { readonly config: AdtsConfig; readonly data: Buffer },
    inForce: Buffer | undefined,
  ): Buffer | undefined {
    if (inForce !== undefined && isSame(this.#config, config)) return undefined;
    this.#config = config;
    const made = adtsAudioSpecificConfig(config, data);
    if (made === undefined || (inForce !== undefined && agree(inForce, made))) return undefined;
    this.#context.repair('audio-header-made');
    return made;
  }
}

function isSame(a: AdtsConfig | undefined, b: AdtsConfig): boolean {
  return (
    a?.objectType === b.objectType &&
    a.sampleRateIndex === b.sampleRateIndex &&
    a.channelConfiguration === b.channelConfiguration
  );
}

/** Whether both agree on the core coder; an ADTS header says nothing about SBR. */
function agree(configuration: Buffer, made: Buffer): boolean {
  const [a, b] = [parseAudioSpecificConfig(configuration), parseAudioSpecificConfig(made)];
  return (
    a.objectType === b.objectType && a.sampleRate === b.sampleRate && a.channelConfiguration === b.channelConfiguration
  );
}

/** @param last the last complete frame in `bytes`, a view of it */
function afterLast(bytes: Buffer, last: Buffer | undefined): Buffer {
  return last === undefined ? bytes : bytes.subarray(last.byteOffset + last.length - bytes.byteOffset);
}

/** Whether these bytes may be the beginning of a frame. */
function isBeginning(bytes: Buffer): boolean {
  if (bytes.length === 1) return bytes[0] === 0xff;
  return beginsWithAdts(bytes) && (adtsFrameSize(bytes) ?? Number.POSITIVE_INFINITY) > bytes.length;
}

/** Whether a frame continues in this message: after its end comes nothing, or the next header. */
function continuesFrame(joined: Buffer, message: Buffer): boolean {
  const size = adtsFrameSize(joined);
  if (size === undefined || size > joined.length) return isBeginning(joined) && splitAdts(message) === undefined;
  const next = joined.subarray(size);
  return next.length === 0 || isBeginning(next) || beginsWithAdts(next);
}
