// The recorded bytes that real clients sent to a gateway. captures.record.ts recorded them.
import { readFile } from 'node:fs/promises';

export const CAPTURE_DIRECTORY = new URL('../vectors/captures/', import.meta.url);

/** `FFmpeg 7.0, avc` is `ffmpeg-7.0-avc.bin`. */
export function captureFile(name: string): string {
  return `${name
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/-$/, '')}.bin`;
}

/** All bytes that the client sent on its connection, from C0 on. */
export async function readCapture(name: string): Promise<Buffer> {
  return readFile(new URL(captureFile(name), CAPTURE_DIRECTORY));
}
