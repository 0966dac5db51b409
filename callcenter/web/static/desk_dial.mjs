// Numbers outside and whoever is on duty: called from the desk, asked, or handed a caller on to.

import { useState } from "./vendor/preact-hooks.mjs";
import { html } from "./page.mjs";

/** Rows of the sheet in which she hands her caller on: a number that she may call, and the manager on duty. */
export function OutsideTargets({ dials, duty, busy, act, close }) {
  const [number, setNumber] = useState("");
  const to = (what, target) => act(what, target).then(close);
  const Row = ({ name, target, disabled, children }) => html`
    <div class="target">${children}
      <button disabled=${busy || disabled} data-ask=${name} onClick=${() => to("consult", target)}>Ask</button>
      <button disabled=${busy || disabled} data-target=${name} onClick=${() => to("transfer", target)}>Hand on</button>
    </div>`;
  return html`
    ${duty && html`<${Row} name="duty" target=${{ duty: true }}><span>${duty} <small>on duty</small></span><//>`}
    ${dials && html`
      <${Row} name="number" target=${{ number }} disabled=${!number}>
        <input type="tel" id="outside-number" aria-label="A number outside" placeholder="A number outside" value=${number} onInput=${(event) => setNumber(event.target.value)} />
      <//>`}`;
}

/** A call of her own: her phone rings first, then the number. */
export function DialPane({ dials, duty, busy, act }) {
  const [number, setNumber] = useState("");
  if (!dials && !duty) return null;
  const call = (event) => {
    event.preventDefault();
    if (number) act("dial", { number });
  };
  return html`
    <section class="pane" id="dial"><h2>Call</h2>
      ${dials && html`
        <form class="dial" onSubmit=${call}>
          <input type="tel" id="dial-number" aria-label="Number to call" placeholder="A number outside" value=${number} onInput=${(event) => setNumber(event.target.value)} />
          <button id="dial-now" disabled=${busy || !number}>Call</button>
        </form>`}
      ${duty && html`<button id="dial-duty" disabled=${busy} onClick=${() => act("dial", { duty: true })}>Call ${duty} <small>on duty</small></button>`}
    </section>`;
}
