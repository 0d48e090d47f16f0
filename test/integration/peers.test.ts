// Encoders of other projects, run as their users run them: each publishes without an error on either side and ends cleanly.
import { describe, expect, it } from 'vitest';
import { publishTestPattern, startGateway, type TestGateway } from '../support/gateway.js';
import { recordStream, whenLive } from '../support/hls-client.js';
import { decodeErrors } from '../support/media-checks.js';
import { absentPeer, DEBIAN_FFMPEG, GSTREAMER } from '../support/peers.js';
import { PlaylistChecker } from '../support/playlist-checker.js';
import { type RunningProgram, startProgram } from '../support/processes.js';

/** Segments of one second: five of them test as much as five longer ones. */
const FLAGS = ['--ladder', 'source,240p', '--segment-duration', '1'];

async function expectGoodStream(
  gateway: TestGateway,
  publisher: RunningProgram,
  renditions: readonly string[],
  checker?: PlaylistChecker,
): Promise<void> {
  const base = `${gateway.http}/hls/live/peer`;
  const multivariant = await whenLive(base);
  expect(multivariant).toContain('#EXT-X-STREAM-INF');
  const recorded = await recordStream(base, renditions, { ...(checker && { checker }) });
  const { code } = await publisher.exit;
  expect(code).toBe(0);
  for (const rendition of recorded) {
    expect(rendition.playlists.at(-1)).toContain('#EXT-X-ENDLIST');
    expect(rendition.segments.size).toBeGreaterThanOrEqual(4);
    const init = [...rendition.inits.values()][0] ?? Buffer.alloc(0);
    const all = Buffer.concat([...rendition.segments.values()].map(({ bytes }) => bytes));
    expect(await decodeErrors(init, all)).toBe('');
  }
  expect(gateway.logs.filter(({ level }) => level >= 40)).toEqual([]);
}

describe.skipIf(absentPeer(DEBIAN_FFMPEG))('Debian FFmpeg', () => {
  it('publishes', async () => {
    const gateway = await startGateway(...FLAGS);
    const pattern = { ffmpeg: DEBIAN_FFMPEG, duration: 5, gop: 25 };
    const publisher = publishTestPattern(gateway.publishUrl('peer'), pattern);
    await expectGoodStream(gateway, publisher, ['source', '240p', 'audio']);
    expect(publisher.stderr()).toBe('');
  });

  it('shows the reason to its user if the key is wrong', async () => {
    const gateway = await startGateway();
    const publisher = publishTestPattern(`${gateway.rtmp}/peer?key=wrong`, { ffmpeg: DEBIAN_FFMPEG, duration: 8 });
    expect((await publisher.exit).code).not.toBe(0);
    expect(publisher.stderr()).toContain('publishing was denied');
  });
});

describe.skipIf(absentPeer(GSTREAMER))('GStreamer', () => {
  // 125 frames at 25 fps; x264enc and the muxer end on EOS, as with gst-launch -e. Without a format, the test source and the encoder agree
  // on 4:4:4 with ten bits, which is re-encoded.
  const video =
    'videotestsrc is-live=true num-buffers=125 ! video/x-raw,format=I420,width=640,height=360,framerate=25/1';
  const audio = 'audiotestsrc is-live=true num-buffers=215 samplesperbuffer=1024 ! audio/x-raw,rate=44100,channels=2';
  const encode = 'x264enc speed-preset=veryfast key-int-max=25 bitrate=800 ! h264parse ! queue ! mux.';
  const pipeline = (sink: string): string[] =>
    `${video} ! ${encode} ${audio} ! avenc_aac ! aacparse ! queue ! mux. flvmux name=mux streamable=true ! ${sink}`.split(
      ' ',
    );

  it.each(['rtmp2sink', 'rtmpsink'])('%s publishes', async (sink) => {
    const gateway = await startGateway(...FLAGS);
    const location = `location=${gateway.publishUrl('peer')}`;
    const publisher = startProgram(GSTREAMER, ['-q', ...pipeline(`${sink} ${location}`)]);
    // A live source of GStreamer omits frames on a busy machine: its times may vary, its numbers must be correct.
    const checker = new PlaylistChecker({ frame: 0.1, tolerant: true, irregular: true });
    await expectGoodStream(gateway, publisher, ['source', '240p', 'audio'], checker);
    expect(publisher.stderr()).not.toMatch(/ERROR|WARN/);
  });
});
