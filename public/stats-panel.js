// "Stats for nerds": what the browser measures about this playback, updated once a second while the panel is open.

import { element, icon, setText } from './dom.js';
import { formatBitrate, formatPicture, formatSeconds } from './format.js';

/**
 * @param {import('./player.js').LivePlayer} player
 * @param {HTMLVideoElement} video
 */
export function createStatsPanel(player, video) {
  const list = element('dl', { class: 'stats-list' });
  const close = element(
    'button',
    { type: 'button', class: 'control', 'aria-label': 'Close statistics' },
    icon('close'),
  );
  const root = element(
    'section',
    { class: 'stats', 'aria-label': 'Playback statistics', hidden: true },
    element('header', {}, element('p', { class: 'stats-title', 'aria-hidden': 'true' }, 'Statistics'), close),
    list,
  );
  const values = new Map();
  let timer;
  let previous;

  const show = (name, text) => {
    let value = values.get(name);
    if (value === undefined) {
      value = element('dd');
      values.set(name, value);
      list.append(element('dt', {}, name), value);
    }
    setText(value, text);
  };

  const update = () => {
    const quality = video.getVideoPlaybackQuality?.() ?? { totalVideoFrames: 0, droppedVideoFrames: 0 };
    const now = performance.now();
    const elapsed = previous === undefined ? 0 : (now - previous.now) / 1000;
    const frames = previous === undefined ? 0 : quality.totalVideoFrames - previous.frames;
    previous = { now, frames: quality.totalVideoFrames };
    const { level, targetLatency, bandwidthEstimate, name } = player.playback;
    const target = targetLatency === undefined ? '' : ` (target ${formatSeconds(targetLatency)})`;
    show('Latency', `${formatSeconds(player.latency)}${target}`);
    show('Speed', `${video.playbackRate.toFixed(2)}×`);
    show('Buffer', formatSeconds(bufferAhead(video)));
    show('Picture', video.videoWidth === 0 ? '–' : `${video.videoWidth} × ${video.videoHeight}`);
    show('Frame rate', elapsed === 0 || frames < 0 ? '–' : `${(frames / elapsed).toFixed(0)} fps`);
    show('Dropped frames', `${quality.droppedVideoFrames} of ${quality.totalVideoFrames}`);
    show(
      'Level',
      level === undefined ? '–' : `${level.name} · ${formatPicture(level)} · ${formatBitrate(level.bitrate)}`,
    );
    show('Bandwidth', formatBitrate(bandwidthEstimate));
    show('State', player.state);
    show('Engine', name);
  };

  const toggle = (open = root.hidden) => {
    root.hidden = !open;
    clearInterval(timer);
    previous = undefined;
    if (!open) return;
    update();
    timer = setInterval(update, 1_000);
  };
  close.addEventListener('click', () => toggle(false));
  return { root, toggle };
}

/** Seconds that can be played without another download. */
function bufferAhead(video) {
  for (let index = 0; index < video.buffered.length; index += 1) {
    const inside =
      video.buffered.start(index) <= video.currentTime + 0.1 && video.currentTime < video.buffered.end(index);
    if (inside) return video.buffered.end(index) - video.currentTime;
  }
  return 0;
}
