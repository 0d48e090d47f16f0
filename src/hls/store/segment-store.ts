// The interface of the place where finished media is stored besides memory. It has seven methods, so that a disk, a bucket or a test's map
// can implement it.

/** Path relative to the media root, always with `/`: `live/name/source/seg-7.m4s`. */
export type StorePath = string;

export interface SegmentStore {
  /**
   * Replaces the whole file: a reader sees the old bytes or the new ones, never a mixture.
   * @param bytes several buffers are concatenated
   * @param unlisted whether nobody knows this name before the promise resolves, so that an incomplete file may exist under it meanwhile
   */
  write(path: StorePath, bytes: Buffer | readonly Buffer[], unlisted?: boolean): Promise<void>;
  /** Undefined if there is no such file. */
  read(path: StorePath): Promise<Buffer | undefined>;
  /**
   * Reads a piece of a file into the caller's buffer, which may be reused once the promise has settled.
   * @param start first byte to read
   * @returns the number of bytes read, less than the length of `into` at the end of the file; undefined if there is no such file
   */
  readInto(path: StorePath, start: number, into: Buffer): Promise<number | undefined>;
  /** Size in bytes; undefined if there is no such file. */
  size(path: StorePath): Promise<number | undefined>;
  /** Removes a file. It is no error if the file does not exist. */
  remove(path: StorePath): Promise<void>;
  /** Removes the directory if it is empty; otherwise does nothing. */
  removeDirectory(path: StorePath): Promise<void>;
  /** All files below a directory, as paths relative to the root, sorted; empty if there is no such directory. */
  list(directory: StorePath): Promise<StorePath[]>;
}
