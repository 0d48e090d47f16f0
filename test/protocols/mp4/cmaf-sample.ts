// Real FFmpeg output for the fragment tests, made once per file by the FFmpeg that npm brings, with the flags production uses.
import { createFile, type Movie, MP4BoxBuffer, type Sample } from 'mp4box';
import { npmFfmpeg, runProgram } from '../../support/processes.js';

const FRAGMENTED = ['-f', 'mp4', '-movflags', '+cmaf+frag_keyframe+empty_moov+default_base_moof+frag_discont'];

/** Four seconds of H.264 with B-frames: key frames each 2 s, fragments of about 0.47 s. */
export async function encodeVideo(): Promise<Buffer> {
  return encode(
    ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30'],
    ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '60', '-sc_threshold', '0', '-threads', '1'],
    [...FRAGMENTED, '-frag_duration', '470000', '-flush_packets', '1'],
  );
}

/** Four seconds of stereo AAC, each frame its own fragment. */
export async function encodeAudio(codec: readonly string[] = ['-c:a', 'aac', '-b:a', '96k']): Promise<Buffer> {
  const movflags = `${FRAGMENTED.at(-1)}+frag_every_frame`;
  return encode(
    ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
    ['-ac', '2', ...codec],
    [...FRAGMENTED.slice(0, -1), movflags, '-flush_packets', '1'],
  );
}

async function encode(input: readonly string[], codec: readonly string[], output: readonly string[]): Promise<Buffer> {
  const args = ['-v', 'error', '-nostdin', ...input, '-t', '4', ...codec, ...output, 'pipe:1'];
  return (await runProgram(npmFfmpeg(), args)).stdout;
}

/** The tracks and samples that an independent reader finds in a whole file. */
export function readWithMp4box(file: Buffer): { movie: Movie; samples: Sample[] } {
  const reader = createFile(true);
  const copy = new Uint8Array(file);
  reader.appendBuffer(MP4BoxBuffer.fromArrayBuffer(copy.buffer, 0), true);
  reader.flush();
  const movie = reader.getInfo();
  const [track] = movie.tracks;
  if (track === undefined) throw new Error('mp4box found no track');
  return { movie, samples: reader.getTrackSamplesInfo(track.id) };
}

/** Decodes without output. @returns the complaints of FFmpeg on stderr */
export async function decodeErrors(file: Buffer): Promise<string> {
  const args = ['-v', 'warning', '-nostdin', '-f', 'mp4', '-i', 'pipe:0', '-f', 'null', '-'];
  return (await runProgram(npmFfmpeg(), args, file)).stderr;
}
