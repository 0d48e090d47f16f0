// The only file that uses fluent-ffmpeg: its argument builder, never its process handling (docs/decisions).
import createCommand, { type FfmpegCommand } from 'fluent-ffmpeg';

export interface FfmpegCommandLine {
  readonly inputOptions: readonly string[];
  readonly input: string;
  /** Filters for one `-filter_complex`. */
  readonly filters: readonly string[];
  readonly outputs: readonly { readonly options: readonly string[]; readonly target: string }[];
}

/** In its typings, the builder's method for the argument list is private, but its own `run` uses it (lib/processor.js). */
interface ArgumentSource {
  _getArguments(): string[];
}

/**
 * FFmpeg's argument list for a command line. Runs nothing, and never splits or joins an element.
 * @throws {TypeError} for a list of one option, which the builder would split at a space
 */
export function toArgumentList(line: FfmpegCommandLine): string[] {
  for (const { length } of [line.inputOptions, ...line.outputs.map(({ options }) => options)]) {
    if (length === 1) throw new TypeError('got one option, expected none or an option with its value');
  }
  // Pass options as varargs: the builder would split an array element that contains one space.
  const command = createCommand().input(line.input);
  if (line.inputOptions.length > 0) command.inputOptions(...line.inputOptions);
  if (line.filters.length > 0) command.complexFilter([...line.filters]);
  for (const output of line.outputs) {
    command.output(output.target);
    if (output.options.length > 0) command.outputOptions(...output.options);
  }
  return (command as FfmpegCommand & ArgumentSource)._getArguments();
}
