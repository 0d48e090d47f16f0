// The renditions that the viewer can choose, under familiar names.

/**
 * Best first. hls.js has already removed what this browser cannot decode, such as HEVC in most browsers.
 * @param {import('./vendor/hls.mjs').Hls | null} hls
 */
export function levelsOf(hls) {
  const levels = (hls?.levels ?? [])
    .map((level, index) => ({
      index,
      name: renditionName(level),
      width: level.width,
      height: level.height,
      frameRate: level.frameRate,
      bitrate: level.bitrate,
      codec: level.videoCodec,
    }))
    .sort((a, b) => b.height - a.height || b.bitrate - a.bitrate);
  const source = levels.find(({ name }) => name === 'source');
  // A rung that is not smaller than the current source is not offered.
  return levels.filter((level) => level === source || source === undefined || level.height < source.height);
}

/** The rendition's name is the directory of its playlist: `…/720p/index.m3u8`. */
function renditionName(level) {
  const segments = new URL(level.uri || level.url[0], document.baseURI).pathname.split('/');
  return segments.at(-2) ?? '';
}
