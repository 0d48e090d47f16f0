// Builds elements from data with text nodes only, so that no name can ever become markup.

import { ICONS } from './icons.js';

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `class`, `aria-…` and so on as attributes; functions under `on…` as listeners
 * @param {...(Node|string|undefined|false)} children strings become text
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.filter((child) => child !== undefined && child !== false));
  return node;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An icon of icons.js; decoration only, the button around it carries the label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  setIcon(svg, name);
  return svg;
}

/** @param {Element} svg made by `icon` */
export function setIcon(svg, name) {
  if (svg.dataset.icon === name) return;
  svg.dataset.icon = name;
  svg.innerHTML = ICONS[name];
}

/** Sets text only when it changes, so that screen readers and selections are left in peace. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A button that copies what `text()` gives and says so. */
export function copyButton(label, text) {
  const caption = element('span', {}, label);
  const button = element('button', { type: 'button', class: 'button copy' }, icon('copy'), caption);
  let restore;
  button.addEventListener('click', async () => {
    const copied = await copy(text());
    caption.textContent = copied ? 'Copied' : 'Press Ctrl+C';
    button.classList.toggle('done', copied);
    clearTimeout(restore);
    restore = setTimeout(() => {
      caption.textContent = label;
      button.classList.remove('done');
    }, 1_800);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** Pages on plain HTTP have no clipboard API. */
function copyBySelection(text) {
  const area = element('textarea', { class: 'offscreen', readonly: true, 'aria-hidden': 'true', tabindex: '-1' });
  area.value = text;
  document.body.append(area);
  const focused = document.activeElement;
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}
