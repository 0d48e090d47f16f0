// The live list: asks the API every few seconds and changes only what changed, so that focus and selection survive.

import { copyButton, element, icon, setText } from './dom.js';
import { formatPicture, formatSince, formatViewers } from './format.js';
import { streamAddresses } from './stream-address.js';
import { loadPicture, thumbnailNow } from './thumbnail.js';

/** Milliseconds. Failures double the wait up to the longest. */
const REFRESH = 2_500;
const LONGEST_WAIT = 30_000;

const find = (selector) => document.querySelector(selector);
const grid = find('#streams');
const empty = find('#empty');
const summary = find('#summary');
const notice = find('#notice');
/** @type {Map<string, {root: HTMLElement, update: (stream: object) => void, tick: () => void}>} */
const cards = new Map();

/** What a card says, by the state of the API: state of the badge and text. */
const BADGES = {
  live: ['playing', 'Live'],
  resuming: ['reconnecting', 'Reconnecting'],
  starting: ['starting', 'Starting'],
};

let wait = REFRESH;
let timer;

async function refresh() {
  clearTimeout(timer);
  try {
    const response = await fetch('api/v1/streams', { cache: 'no-store' });
    if (!response.ok) throw new Error(`status ${response.status}`);
    show(await response.json());
    wait = REFRESH;
    notice.hidden = true;
  } catch {
    wait = Math.min(wait * 2, LONGEST_WAIT);
    notice.hidden = false;
  }
  document.body.dataset.loaded = 'true';
  timer = setTimeout(refresh, wait);
}

function show({ streams, publish }) {
  const shown = streams.filter(({ state }) => state !== 'ended');
  const keys = new Set();
  for (const stream of shown) {
    const key = `${stream.app}/${stream.name}`;
    keys.add(key);
    let card = cards.get(key);
    if (card === undefined) {
      card = createCard(stream);
      cards.set(key, card);
      grid.append(card.root);
    }
    card.update(stream);
  }
  for (const [key, card] of cards) {
    if (keys.has(key)) continue;
    card.root.remove();
    cards.delete(key);
  }
  empty.hidden = shown.length > 0;
  grid.hidden = shown.length === 0;
  const text = shown.length === 0 ? '' : shown.length === 1 ? '1 stream' : `${shown.length} streams`;
  setText(summary, text);
  showPublishing(publish);
}

function createCard({ app, name }) {
  const addresses = streamAddresses(app, name);
  const badge = element('span', { class: 'badge' });
  const picture = element('span', { class: 'chip' });
  const uptime = element('span', { class: 'card-uptime' });
  const viewers = element('span');
  const renditions = element('span', { class: 'card-renditions' });
  const art = element('div', { class: 'card-art', 'aria-hidden': 'true' }, icon('play'));
  art.style.setProperty('--hue', String(hueOf(`${app}/${name}`)));
  const root = element(
    'li',
    { class: 'card' },
    element('div', { class: 'card-picture' }, art, badge, picture, uptime),
    element(
      'div',
      { class: 'card-body' },
      element('h3', {}, element('a', { href: addresses.watch, class: 'card-link' }, name)),
      element('p', { class: 'card-facts' }, element('span', {}, app), viewers, renditions),
      element(
        'p',
        { class: 'card-actions' },
        element('a', { href: addresses.embed }, 'Embed'),
        element('a', { href: addresses.playlist }, 'HLS playlist'),
      ),
    ),
  );
  let startedAt;
  const tick = () => setText(uptime, formatSince(startedAt, Date.now()));
  const update = (stream) => {
    const [state, title] = BADGES[stream.state] ?? BADGES.starting;
    badge.dataset.state = state;
    setText(badge, title);
    if (stream.thumbnail && !document.hidden) showThumbnail(art, thumbnailNow(addresses.thumbnail));
    const video = stream.source?.video;
    setText(picture, video === undefined ? (stream.source?.audio === undefined ? '' : 'audio') : formatPicture(video));
    setText(viewers, stream.viewers === undefined ? '' : formatViewers(stream.viewers));
    const pictures = stream.renditions.filter(({ height }) => height !== undefined).length;
    setText(renditions, pictures > 1 ? `${pictures} qualities` : '');
    startedAt = Date.parse(stream.startedAt ?? '');
    tick();
  };
  return { root, update, tick };
}

/** The picture before stays until the next one can be shown. */
async function showThumbnail(art, address) {
  if (art.dataset.thumbnail === address) return;
  art.dataset.thumbnail = address;
  const picture = await loadPicture(address);
  // Another one may have been faster.
  if (picture === undefined || art.dataset.thumbnail !== address) return;
  art.querySelector('img')?.remove();
  art.prepend(picture);
}

/** A colour of its own for each stream, the same on every visit. */
function hueOf(text) {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return hash;
}

function showPublishing({ rtmpPort = 1935, app }) {
  // An IPv6 host comes with its brackets already.
  const server = `rtmp://${location.hostname}:${rtmpPort}/${app}`;
  if (find('#server').dataset.value === server) return;
  find('#server').dataset.value = server;
  setText(find('#server'), server);
  const command = `ffmpeg -re -i video.mp4 -c:v libx264 -g 60 -c:a aac -f flv "${server}/NAME?key=KEY"`;
  setText(find('#command'), command);
  find('#copy-server').replaceChildren(copyButton('Copy', () => server));
  find('#copy-command').replaceChildren(copyButton('Copy', () => command));
}

setInterval(() => {
  for (const card of cards.values()) card.tick();
}, 1_000);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) refresh();
});
refresh();
