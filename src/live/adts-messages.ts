// AAC messages whose frames stand behind ADTS headers: what a decoder is told by them becomes a sequence header, the rest goes.
import { type AdtsConfig, adtsAudioSpecificConfig, readAdtsConfig, splitAdts } from '../protocols/bitstream/adts.js';
import { parseAudioSpecificConfig } from '../protocols/mp4/aac.js';
import type { IngestContext } from './ingest-context.js';

export interface OpenedAdts {
  /** The AudioSpecificConfig that has to be in force before the frames; undefined when the one in force will do. */
  readonly configuration: Buffer | undefined;
  /** Bare AAC frames, at least one: views. */
  readonly frames: readonly Buffer[];
}

export class AdtsMessages {
  readonly #context: Pick<IngestContext, 'repair'>;
  /** What the last header said. */
  #config: AdtsConfig | undefined;

  constructor(context: Pick<IngestContext, 'repair'>) {
    this.#context = context;
  }

  /**
   * @param inForce the AudioSpecificConfig that is known
   * @returns undefined when there is no whole frame in it
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

  /** The AudioSpecificConfig of an ADTS header where that belongs; undefined when only a frame can tell the channels. */
  openHeader(header: Buffer): Buffer | undefined {
    const config = readAdtsConfig(header);
    const made = config && adtsAudioSpecificConfig(config, undefined);
    if (made !== undefined) this.#context.repair('audio-header-made');
    return made;
  }

  /** The ADTS header is the word of the encoder itself: where it contradicts the sequence header, that is wrong. */
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

/** Both say the same of the core coder; of SBR an ADTS header says nothing. */
function agree(configuration: Buffer, made: Buffer): boolean {
  const [a, b] = [parseAudioSpecificConfig(configuration), parseAudioSpecificConfig(made)];
  return (
    a.objectType === b.objectType && a.sampleRate === b.sampleRate && a.channelConfiguration === b.channelConfiguration
  );
}

function endTogether(part: Buffer, whole: Buffer): boolean {
  return part.byteOffset + part.length === whole.byteOffset + whole.length;
}
