// The only file that knows fluent-ffmpeg: it lends its argument builder; its process handling is never used (docs/decisions).
import createCommand, { type FfmpegCommand } from 'fluent-ffmpeg';

export interface FfmpegCommandLine {
  readonly inputOptions: readonly string[];
  readonly input: string;
  /** Filters of one `-filter_complex`. */
  readonly filters: readonly string[];
  readonly outputs: readonly { readonly options: readonly string[]; readonly target: string }[];
}

/** The builder's argument list is private in its typings, but is what its own `run` spawns (lib/processor.js). */
interface ArgumentSource {
  _getArguments(): string[];
}

/**
 * FFmpeg's argument list for a command line; nothing is run, and no element is ever split or joined.
 * @throws {TypeError} for a list of one option: the builder would split it at a space
 */
export function toArgumentList(line: FfmpegCommandLine): string[] {
  for (const { length } of [line.inputOptions, ...line.outputs.map(({ options }) => options)]) {
    if (length === 1) throw new TypeError('got one option, expected none or an option with its value');
  }
  // Options go in as varargs: an element of an array with one space in it would be split.
  const command = createCommand().input(line.input);
  if (line.inputOptions.length > 0) command.inputOptions(...line.inputOptions);
  if (line.filters.length > 0) command.complexFilter([...line.filters]);
  for (const output of line.outputs) {
    command.output(output.target);
    if (output.options.length > 0) command.outputOptions(...output.options);
  }
  return (command as FfmpegCommand & ArgumentSource)._getArguments();
}
