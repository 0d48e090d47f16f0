// Silent audio frames. Players that wait for audio do not show video either, so audio that stops is replaced by silence.

/** How a track of audio is replaced while the publisher sends no audio. */
export interface Silence {
  readonly frame: Buffer;
  /** Whether the first segment of the track is not complete yet. */
  readonly isFirst: () => boolean;
  /** Called at the first silent frame of each pause. */
  readonly onBegin: () => void;
}

/**
 * Raw AAC-LC frames of 1024 samples without spectral data, by number of channels (channel configurations 1 to 7 of ISO/IEC 14496-3 table
 * 1.19). They are the same at every sample rate.
 */
const AAC_SILENCE: Readonly<Record<number, string>> = {
  1: '01182007',
  2: '211004608c1c',
  3: '011820010880230460e0',
  4: '01182001088023046003182007',
  5: '011820010880230460231004608c1c',
  6: '011820010880230460231004608c0c230000e0',
  8: '011820010880230460231004608c04a2008c11818460001c',
};

/** @returns undefined for a codec whose silence is not known here */
export function silentFrame(codecs: string | undefined, channels: number | undefined): Buffer | undefined {
  const hex = codecs === 'mp4a.40.2' && channels !== undefined ? AAC_SILENCE[channels] : undefined;
  return hex === undefined ? undefined : Buffer.from(hex, 'hex');
}
