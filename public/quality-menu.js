// The quality menu: a button and a list of radio items, usable with keyboard and screen reader.

import { element, icon, setText } from './dom.js';
import { formatBitrate, formatPicture } from './format.js';

/**
 * @param {import('./player.js').LivePlayer} player
 * @returns {{root: HTMLElement, menu: HTMLElement, isOpen: boolean}} `root`: the button, with `menu` unless that is placed elsewhere
 */
export function createQualityMenu(player) {
  const { playback } = player;
  const current = element('span', { class: 'quality-current' });
  const button = element(
    'button',
    { type: 'button', class: 'control quality-button', 'aria-haspopup': 'menu', 'aria-expanded': 'false' },
    icon('settings'),
    current,
  );
  const menu = element('div', { class: 'menu', role: 'menu', 'aria-label': 'Quality', hidden: true });
  const root = element('div', { class: 'menu-anchor' }, menu, button);

  const open = (isOpen) => {
    menu.hidden = !isOpen;
    button.setAttribute('aria-expanded', String(isOpen));
    if (isOpen) (menu.querySelector('[aria-checked="true"]') ?? menu.firstElementChild)?.focus();
  };

  const item = (index, title, detail) =>
    element(
      'button',
      {
        type: 'button',
        role: 'menuitemradio',
        tabindex: '-1',
        class: 'menu-item',
        'aria-checked': String(playback.chosenLevel === index),
        'data-level': index,
        onclick: () => {
          playback.chooseLevel(index);
          open(false);
          button.focus();
        },
      },
      icon('check'),
      element('span', { class: 'menu-title' }, title),
      element('span', { class: 'menu-detail' }, detail),
    );

  const shownName = () => (playback.level === undefined ? '' : formatPicture(playback.level));

  const label = () => {
    const shown = shownName();
    const text = playback.automaticLevel ? (shown === '' ? 'Auto' : `Auto · ${shown}`) : shown;
    setText(current, text);
    button.setAttribute('aria-label', `Quality: ${text}`);
    const automatic = menu.querySelector('[data-level="-1"] .menu-detail');
    if (automatic !== null) setText(automatic, playback.automaticLevel ? shown : '');
  };

  const rebuild = () => {
    const hadFocus = menu.contains(document.activeElement);
    const { levels } = playback;
    menu.replaceChildren(
      ...levels.map((level) => {
        const isSource = level.name === 'source' ? ' · source' : '';
        return item(level.index, `${formatPicture(level)}${isSource}`, formatBitrate(level.bitrate));
      }),
      item(-1, 'Auto', ''),
    );
    button.disabled = levels.length === 0;
    // A stream without video has no choices.
    root.hidden = levels.length > 0 && levels.every(({ height }) => !height);
    if (hadFocus) open(true);
    label();
  };

  button.addEventListener('click', () => open(menu.hidden));
  const onKey = (event) => {
    const items = [...menu.children];
    const at = items.indexOf(document.activeElement);
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
    if (event.key === 'Escape' && !menu.hidden) {
      open(false);
      button.focus();
    } else if (event.key in moves) {
      if (menu.hidden) open(true);
      else items.at(moves[event.key] % items.length)?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  for (const part of [button, menu]) part.addEventListener('keydown', onKey);
  // pointerdown, not focusout: Safari does not focus buttons when they are clicked.
  document.addEventListener('pointerdown', (event) => {
    if (!root.contains(event.target) && !menu.contains(event.target)) open(false);
  });
  player.addEventListener('levels', rebuild);
  player.addEventListener('level', label);
  rebuild();
  return {
    root,
    menu,
    get isOpen() {
      return !menu.hidden;
    },
  };
}
