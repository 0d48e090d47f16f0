// Where menu and statistics appear: over the picture where there is room, below the player on a phone, where they would cover it.

/** Of the window; the player of a phone held upright is as wide as that and 360 pixels high at most. */
const NARROW = '(max-width: 640px)';

/**
 * @param {{below: HTMLElement | undefined, panels: [HTMLElement, HTMLElement][]}} options
 *   `below`: undefined where there is nothing but the player; `panels`: each with the place that it has over the picture
 */
export function placePanels({ below, panels }) {
  const narrow = matchMedia(NARROW);
  const place = () => {
    const isBelow = below !== undefined && narrow.matches && document.fullscreenElement === null;
    for (const [panel, parent] of panels) {
      const holder = isBelow ? below : parent;
      if (panel.parentElement !== holder) holder.prepend(panel);
    }
  };
  narrow.addEventListener('change', place);
  document.addEventListener('fullscreenchange', place);
  place();
}
