// A button of the control bar: an icon, and a label for screen readers.

import { element, icon, setIcon } from './dom.js';

export function control(iconName, label, onclick) {
  return element(
    'button',
    { type: 'button', class: 'control', 'aria-label': label, title: label, onclick },
    icon(iconName),
  );
}

export function relabel(button, iconName, label) {
  setIcon(button.firstElementChild, iconName);
  button.setAttribute('aria-label', label);
  button.title = label;
}
