// Formats numbers for people. Pure functions only.

/** @param {number} seconds → `0:42`, `12:05`, `3:07:09`, `2 d 04:10` */
export function formatDuration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value) => String(value).padStart(2, '0');
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${days} d ${two(hours)}:${two(minutes)}`;
  if (hours > 0) return `${hours}:${two(minutes)}:${two(whole % 60)}`;
  return `${minutes}:${two(whole % 60)}`;
}

/** @param {number|undefined} start @param {number} now milliseconds since 1970 → like `formatDuration`; empty while `start` is unknown */
export function formatSince(start, now) {
  return start === undefined || Number.isNaN(start) ? '' : formatDuration((now - start) / 1000);
}

/** @param {number|undefined} bitsPerSecond → `3.2 Mbit/s`, `640 kbit/s` */
export function formatBitrate(bitsPerSecond) {
  if (bitsPerSecond === undefined || !Number.isFinite(bitsPerSecond)) return '–';
  if (bitsPerSecond >= 1_000_000) return `${(bitsPerSecond / 1_000_000).toFixed(1)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

/** @param {number|undefined} seconds → `1.8 s` */
export function formatSeconds(seconds) {
  return seconds === undefined || !Number.isFinite(seconds) ? '–' : `${seconds.toFixed(1)} s`;
}

/** @param {{height?: number, frameRate?: number, name?: string}} picture → `1080p60`, `720p` */
export function formatPicture({ height, frameRate, name }) {
  if (!height) return name ?? '';
  return frameRate && frameRate > 32 ? `${height}p${Math.round(frameRate)}` : `${height}p`;
}

/** RFC 6381 → its common name. @param {string|undefined} codec */
export function formatCodec(codec) {
  if (!codec) return '–';
  const names = {
    avc: 'H.264',
    aac: 'AAC',
    hevc: 'HEVC',
    avc1: 'H.264',
    avc3: 'H.264',
    hvc1: 'HEVC',
    hev1: 'HEVC',
    av01: 'AV1',
    vp09: 'VP9',
    mp4a: 'AAC',
    opus: 'Opus',
    Opus: 'Opus',
  };
  const prefix = codec.split('.', 1)[0] ?? codec;
  return names[prefix] ?? codec;
}

/** @param {number} count */
export function formatViewers(count) {
  return count === 1 ? '1 viewer' : `${count} viewers`;
}

/** @param {number} bytes → `1.2 GB`, `640 kB` */
export function formatBytes(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 1 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** @param {string} iso → date and time where the reader is, such as `Nov 28, 2026, 18:40` */
export function formatDate(iso) {
  return new Date(iso).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
}
