// Converts "the input ended early" to the error of the configuration record that is being parsed.
import { SluiceError } from '../errors.js';
import { type Mp4ErrorCode, mp4Error } from './errors.js';

/**
 * Runs a parser over `bytes`.
 * @throws the error of the parser, except that bytes.truncated is replaced by `code`
 */
export function readRecord<B extends Uint8Array, T>(code: Mp4ErrorCode, bytes: B, parse: (bytes: B) => T): T {
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'bytes.truncated') {
      throw mp4Error(code, `got ${bytes.length} bytes that end inside a field`, { cause: error });
    }
    throw error;
  }
}
