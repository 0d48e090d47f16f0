// Converts AAC messages with ADTS headers: the header data becomes a sequence header, the frames are passed on bare.
import { type AdtsConfig, adtsAudioSpecificConfig, readAdtsConfig, splitAdts } from '../protocols/bitstream/adts.js';
import { parseAudioSpecificConfig } from '../protocols/mp4/aac.js';
import type { IngestContext } from './ingest-context.js';

export interface OpenedAdts {
  /** The AudioSpecificConfig that must precede the frames; undefined if the one in force is right. */
  readonly configuration: Buffer | undefined;
  /** Bare AAC frames, at least one, as views. */
  readonly frames: readonly Buffer[];
}

export class AdtsMessages {
  readonly #context: Pick<IngestContext, 'repair'>;
  /** The content of the last header. */
  #config: AdtsConfig | undefined;

  constructor(context: Pick<IngestContext, 'repair'>) {
    this.#context = context;
  }

  /**
   * @param inForce the AudioSpecificConfig in force
   * @returns undefined if the message holds no complete frame
   */
  open(message: Buffer, inForce: Buffer | undefined): OpenedAdts | undefined {
    const opened = splitAdts(message);
    const [first] = opened ?? [];
    const last = opened?.at(-1);
    if (last === undefined || !endTogether(last.data, message)) this.#context.repair('broken-audio');
    if (opened === undefined || first === undefined) return undefined;
    this.#context.repair('adts-headers');
    return { configuration: this.#newConfiguration(first, inForce), frames: opened.map(({ data }) => data) };
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

  /** The encoder itself wrote the ADTS header: if it contradicts the sequence header, the sequence header is wrong. */
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

function endTogether(part: Buffer, whole: Buffer): boolean {
  return part.byteOffset + part.length === whole.byteOffset + whole.length;
}
