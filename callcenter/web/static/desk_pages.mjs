// The pages of a fax: all below each other, turned, closer, printed.
//
// Why: faxes come upside down, and small print is small. The pictures are those that our own reader
// drew; how they are turned is nobody's business but hers, so nothing of it is kept.

import { useState } from "./vendor/preact-hooks.mjs";
import { html } from "./page.mjs";

const ZOOMS = 3;

export function FaxPages({ pages, link, facts }) {
  const [turn, setTurn] = useState(0);
  const [zoom, setZoom] = useState(1);
  const count = pages.length === 1 ? "1 page" : `${pages.length} pages`;
  return html`
    <section class="sheets" aria-label="Pages of the fax">
      <p class="tools">
        <b>${count}</b>
        <button class="plain" onClick=${() => setTurn((turn + 3) % 4)}>Turn left</button>
        <button class="plain" onClick=${() => setTurn((turn + 1) % 4)}>Turn right</button>
        <button class="plain" disabled=${zoom >= ZOOMS} onClick=${() => setZoom(zoom + 1)}>Closer</button>
        <button class="plain" disabled=${zoom <= 1} onClick=${() => setZoom(zoom - 1)}>Further</button>
        <button class="plain" onClick=${() => window.print()}>Print</button>
      </p>
      ${facts.partial === "yes" && html`<p class="notice">The call ended before the fax did: these pages came over and were confirmed.</p>`}
      <div class=${`roll zoom-${zoom} turn-${turn}`}>
        ${pages.map((page, number) => html`<img key=${page.blob + number} src=${`${link}/pictures/${page.blob}`} alt=${`Page ${number + 1} of ${count}`} loading="lazy" />`)}
      </div>
    </section>`;
}
