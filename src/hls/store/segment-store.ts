// Where finished media goes besides memory: seven methods, so that a disk, a bucket or a test's map can stand behind them.

/** Path relative to the media root, always with `/`: `live/name/source/seg-7.m4s`. */
export type StorePath = string;

export interface SegmentStore {
  /**
   * Replaces the file as a whole: a reader sees the old bytes or the new, never a mixture.
   * @param bytes several are joined
   * @param unread nobody looks for a file of this name before this has resolved, so what is only begun may be seen
   */
  write(path: StorePath, bytes: Buffer | readonly Buffer[], unread?: boolean): Promise<void>;
  /** Undefined when there is no such file. */
  read(path: StorePath): Promise<Buffer | undefined>;
  /**
   * Reads a piece of a file into memory of the caller, who may use it again when this has settled.
   * @param start first byte to read
   * @returns how many bytes were read, fewer than `into` has where the file ends; undefined when there is no such file
   */
  readInto(path: StorePath, start: number, into: Buffer): Promise<number | undefined>;
  /** In bytes. Undefined when there is no such file. */
  size(path: StorePath): Promise<number | undefined>;
  /** Removing what is not there is not an error. */
  remove(path: StorePath): Promise<void>;
  /** Removes the directory if it is empty; otherwise leaves it. */
  removeDirectory(path: StorePath): Promise<void>;
  /** All files below a directory, as paths relative to the root, sorted; empty when there is no such directory. */
  list(directory: StorePath): Promise<StorePath[]>;
}
