// Draws the wall clock as black and white squares, so that any player's canvas can tell how old the shown picture is.
export const WIDTH = 640;
export const HEIGHT = 360;
export const FRAME_RATE = 30;
/** Side of a square in pixels: large enough to survive any encoder. */
const SQUARE = 32;
const PER_ROW = WIDTH / SQUARE;
/** Two rows of squares: 32 bits of milliseconds, then the low 8 bits of their complement as a check. */
const BITS = 40;

const LUMA_WHITE = 235;
const LUMA_BLACK = 16;

/** Encoder arguments to read these pictures from stdin, add a tone, and publish to `url`. */
export function publishArguments(url, { keyFrameInterval }) {
  const frames = `${Math.round(keyFrameInterval * FRAME_RATE)}`;
  return [
    ...['-hide_banner', '-loglevel', 'error'],
    ...['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`, '-r', `${FRAME_RATE}`, '-i', 'pipe:0'],
    ...['-f', 'lavfi', '-i', 'sine=440:sample_rate=48000'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-b:v', '1500k', '-pix_fmt', 'yuv420p'],
    ...['-g', frames, '-keyint_min', frames, '-sc_threshold', '0'],
    ...['-c:a', 'aac', '-b:a', '96k', '-ac', '2', '-flush_packets', '1', '-f', 'flv', url],
  ];
}

/** Writes pictures in real time until the signal is aborted or the reader is gone. */
export async function drawClock(stdin, signal) {
  const luma = WIDTH * HEIGHT;
  const began = performance.now();
  for (let frame = 0; !signal.aborted && !stdin.destroyed; frame += 1) {
    const wait = began + (frame * 1000) / FRAME_RATE - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const picture = Buffer.alloc((luma * 3) / 2, 128);
    // Something that moves, because otherwise the encoder would have nothing to do.
    for (let y = 2 * SQUARE; y < HEIGHT; y += 1) picture.fill((y + 3 * frame) & 0xff, y * WIDTH, (y + 1) * WIDTH);
    drawBits(picture, Date.now());
    // Does not wait until the pipe has taken the picture, because a slow encoder must not delay the clock.
    stdin.write(picture);
  }
  stdin.end();
}

function drawBits(picture, now) {
  const low = now % 2 ** 32;
  const check = ~low & 0xff;
  for (let bit = 0; bit < BITS; bit += 1) {
    const set = bit < 32 ? Math.floor(low / 2 ** bit) % 2 === 1 : ((check >> (bit - 32)) & 1) === 1;
    const left = (bit % PER_ROW) * SQUARE;
    const top = Math.floor(bit / PER_ROW) * SQUARE;
    for (let y = top; y < top + SQUARE; y += 1) {
      picture.fill(set ? LUMA_WHITE : LUMA_BLACK, y * WIDTH + left, y * WIDTH + left + SQUARE);
    }
  }
}

/**
 * Runs in the page: the age in milliseconds of the picture shown by the video element; undefined if there is none. Self-contained, because
 * its source text is sent to the browser.
 */
export function ageOfPicture() {
  const video = document.querySelector('video');
  if (video === null || video.readyState < 2 || video.videoWidth !== 640) return undefined;
  window.clockCanvas ??= Object.assign(document.createElement('canvas'), { width: 640, height: 64 });
  const canvas = window.clockCanvas;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0, 640, 64, 0, 0, 640, 64);
  const now = Date.now();
  const { data } = context.getImageData(0, 0, 640, 64);
  let low = 0;
  let check = 0;
  for (let bit = 0; bit < 40; bit += 1) {
    const x = (bit % 20) * 32 + 16;
    const y = Math.floor(bit / 20) * 32 + 16;
    if (data[(y * 640 + x) * 4] < 128) continue;
    if (bit < 32) low += 2 ** bit;
    else check += 2 ** (bit - 32);
  }
  if ((~low & 0xff) !== check) return undefined;
  return (now % 2 ** 32) - low;
}
