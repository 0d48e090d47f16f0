// The list of live streams: polls the API every few seconds and updates only what changed, so that focus and selection are kept.

import { copyButton, element, icon, setText } from './dom.js';
import { formatPicture, formatSince, formatViewers } from './format.js';
import { hueOf } from './hue.js';
import { askServer, serverNow } from './server-clock.js';
import { streamAddresses } from './stream-address.js';
import { loadPicture, thumbnailNow } from './thumbnail.js';

/** Milliseconds. Failures double the delay, up to the maximum. */
const REFRESH = 2_500;
const LONGEST_WAIT = 30_000;
/** A thumbnail is loaded when its card is this close to the visible area. */
const NEARBY = '200px';

const find = (selector) => document.querySelector(selector);
const grid = find('#streams');
const empty = find('#empty');
const summary = find('#summary');
const notice = find('#notice');
/** @type {Map<string, {root: HTMLElement, update: (stream: object) => void, tick: () => void, close: () => void}>} */
const cards = new Map();

/** Text and badge state of a card for each state in the API. */
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
    const response = await askServer('api/v1/streams', { cache: 'no-store' });
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
    card.close();
    cards.delete(key);
  }
  empty.hidden = shown.length > 0;
  grid.hidden = shown.length === 0;
  const text = shown.length === 0 ? '' : shown.length === 1 ? '1 stream' : `${shown.length} streams`;
  setText(summary, text);
  showPublishing(publish, shown.length === 0);
}

function createCard({ app, name, protected: isProtected }) {
  const addresses = streamAddresses(app, name);
  const badge = element('span', { class: 'badge' });
  const picture = element('span', { class: 'chip' });
  const uptime = element('span', { class: 'card-uptime' });
  const viewers = element('span');
  const renditions = element('span', { class: 'card-renditions' });
  const art = element('div', { class: 'card-art', 'aria-hidden': 'true' }, icon(isProtected ? 'lock' : 'play'));
  art.style.setProperty('--hue', String(hueOf(`${app}/${name}`)));
  const root = element(
    'li',
    { class: 'card' },
    element('div', { class: 'card-picture' }, art, badge, picture, uptime),
    element(
      'div',
      { class: 'card-body' },
      element('h2', {}, element('a', { href: addresses.watch, class: 'card-link' }, name)),
      element('p', { class: 'card-facts' }, element('span', {}, app), viewers, renditions),
      isProtected
        ? element('p', { class: 'card-facts' }, 'For viewers with a link of their own')
        : element(
            'p',
            { class: 'card-actions' },
            element('a', { href: addresses.embed }, 'Embed'),
            element('a', { href: addresses.playlist }, 'HLS playlist'),
          ),
    ),
  );
  let startedAt;
  let thumbnail = false;
  let isSeen = false;
  const showIfSeen = () => {
    if (thumbnail && isSeen && !document.hidden) showThumbnail(art, thumbnailNow(addresses.thumbnail));
  };
  const sight = new IntersectionObserver(
    ([{ isIntersecting }]) => {
      isSeen = isIntersecting;
      showIfSeen();
    },
    { rootMargin: NEARBY },
  );
  sight.observe(root);
  const close = () => {
    sight.disconnect();
    root.remove();
  };
  const tick = () => setText(uptime, formatSince(startedAt, serverNow()));
  const update = (stream) => {
    const [state, title] = BADGES[stream.state] ?? BADGES.starting;
    badge.dataset.state = state;
    setText(badge, title);
    thumbnail = stream.thumbnail;
    showIfSeen();
    const video = stream.source?.video;
    setText(picture, video === undefined ? (stream.source?.audio === undefined ? '' : 'audio') : formatPicture(video));
    setText(viewers, stream.viewers === undefined ? '' : formatViewers(stream.viewers));
    const pictures = stream.renditions.filter(({ height }) => height !== undefined).length;
    setText(renditions, pictures > 1 ? `${pictures} qualities` : '');
    startedAt = Date.parse(stream.startedAt ?? '');
    tick();
  };
  return { root, update, tick, close };
}

/** Keeps the previous picture until the next one can be shown. */
async function showThumbnail(art, address) {
  if (art.dataset.thumbnail === address) return;
  art.dataset.thumbnail = address;
  const picture = await loadPicture(address);
  // A later one may have been loaded faster.
  if (picture === undefined || art.dataset.thumbnail !== address) return;
  art.querySelector('img')?.remove();
  art.prepend(picture);
}

/** The ways to authorize a publish. @type {Record<string, {key: string, note: string, query: string}>} */
const PROOFS = {
  none: { key: 'NAME', note: 'NAME is what people see here.', query: '' },
  key: {
    key: 'NAME?key=KEY',
    note: 'NAME is what people see here. KEY is the secret that the gateway printed when it started.',
    query: '?key=KEY',
  },
  user: {
    key: 'NAME',
    note: 'NAME is what people see here. Turn on “Use authentication” with the user and the password that you were given. If you were given a key instead, add ?key=KEY to the server.',
    query: '',
  },
};

/** Instructions for whoever runs or feeds the gateway: collapsed for viewers, open on the machine itself while nothing is live. */
function showPublishing({ rtmpPort, app, proof = 'key' }, isQuiet) {
  const section = find('#publish');
  section.hidden = rtmpPort === undefined;
  if (section.hidden) return;
  // location.hostname already contains the brackets of an IPv6 address.
  const server = `rtmp://${location.hostname}:${rtmpPort}/${app}`;
  if (section.dataset.server === server) return;
  section.dataset.server = server;
  section.open = isQuiet && ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
  const { key, note, query } = PROOFS[proof] ?? PROOFS.key;
  const target = proof === 'user' ? server.replace('rtmp://', 'rtmp://USER:PASSWORD@') : server;
  const command = `ffmpeg -re -i video.mp4 -c:v libx264 -g 60 -c:a aac -f flv "${target}/NAME${query}"`;
  setText(find('#server'), server);
  setText(find('#key'), key);
  setText(find('#key-note'), note);
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
