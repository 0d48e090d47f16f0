// Converts FFmpeg's last lines of stderr to one sentence for the person who has to act.

interface Reason {
  readonly pattern: RegExp;
  /** `$1` is replaced by what the pattern captured. */
  readonly text: string;
}

/** The first entry that matches any line is used, so causes come before consequences. */
const REASONS: readonly Reason[] = [
  { pattern: /error while loading shared libraries: ([^:]+)/, text: 'the library $1 of this FFmpeg is missing' },
  { pattern: /Unknown encoder '?([\w-]+)'?/, text: 'this FFmpeg was built without the encoder $1' },
  {
    pattern: /(?:Decoder \(codec |Unknown decoder '|Decoding requested, but no decoder found for: ?)([\w-]+)/,
    text: 'this FFmpeg was built without a decoder for $1',
  },
  {
    pattern: /(?:Video|Audio) codec \((\w+)\) is not implemented|Unsupported (?:video|audio) codec \((\w+)\)/,
    text: 'this FFmpeg cannot read the codec that the publisher sends out of FLV',
  },
  {
    pattern: /Cannot allocate memory|Out of memory|malloc of size \d+ failed|Error allocating/i,
    text: 'the machine, or the limit set for this process, has no memory left',
  },
  {
    pattern: /pthread_create|Resource temporarily unavailable|Error creating (?:a )?thread/i,
    text: 'the limit of threads or processes is reached',
  },
  { pattern: /No such filter: '?([\w-]+)'?/, text: 'this FFmpeg was built without the filter $1' },
  {
    pattern: /Unrecognized option '([\w:-]+)'|Option ([\w:-]+) not found/,
    text: 'this FFmpeg does not know an option that it was given; versions from 5.1 on are tested',
  },
  {
    pattern: /Could not find codec parameters|Invalid data found when processing input|could not find sequence header/i,
    text: 'the input could not be decoded',
  },
  {
    pattern: /Error (?:while )?opening encoder|Error initializing output stream/,
    text: 'an encoder refused its settings',
  },
  { pattern: /No such file or directory/, text: 'there is no such file' },
  { pattern: /Broken pipe/, text: 'the pipe to the gateway broke' },
];

/** @returns undefined if no line matches a known cause */
export function failureReason(lines: readonly string[]): string | undefined {
  for (const { pattern, text } of REASONS) {
    for (const line of lines) {
      const match = pattern.exec(line);
      if (match !== null) return text.replace('$1', match[1] ?? match[2] ?? '');
    }
  }
  return undefined;
}
