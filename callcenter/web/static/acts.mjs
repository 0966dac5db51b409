// One act of a person: asked of the control center, and what came of it in words.
//
// Why: a picture may change between two keys. A form's draft is therefore its own and no delta
// touches it; a button keeps the focus while its answer is on the way; the answer has its place
// from the start, so that nothing moves under the hand.

import { useEffect, useRef, useState } from "./vendor/preact-hooks.mjs";
import { ask } from "./live.mjs";
import { html } from "./page.mjs";

const LATE = "Asked; the answer is late. What comes of it will show here.";

/** `[said, act]`: `act({doing, done, path, body, method})` is true when it was not refused. */
export function useAct() {
  const [said, setSaid] = useState({});
  const shown = useRef(true);
  const asking = useRef(false); // two presses of a key are one act
  useEffect(() => () => { shown.current = false; }, []);
  async function act({ doing, done, path, body, method }) {
    if (asking.current) return false;
    asking.current = true;
    setSaid({ pending: true, words: doing });
    const got = await ask(path, body, method).then(
      ({ accepted }) => ({ tone: accepted ? "good" : "quiet", words: accepted ? done : LATE }),
      (error) => ({ tone: "refused", words: error.message }),
    );
    asking.current = false;
    if (shown.current) setSaid(got);
    return got.tone !== "refused";
  }
  return [said, act];
}

/** What came of it; told to a screen reader too. */
export const Outcome = ({ said }) => html`
  <p class=${`outcome ${said.tone ?? "quiet"}`} role="status">${said.words ?? ""}</p>`;

/** A button that keeps the focus while it waits. Without `onClick` it sends its form. */
export const Do = ({ pending, tone = "", children, ...rest }) => html`
  <button type=${rest.onClick ? "button" : "submit"} class=${tone} aria-disabled=${pending ? "true" : "false"} ...${rest}>${children}</button>`;

/** One line: what, its fields, the button, and what came of it. `begin` is called with the act. */
export function ActForm({ name, words, button, begin, children }) {
  const [said, act] = useAct();
  const send = (event) => {
    event.preventDefault();
    begin(act);
  };
  return html`
    <form class="act" data-act=${name} onSubmit=${send}>
      <span class="act-words">${words}</span>
      <div class="act-fields">${children}</div>
      <${Do} pending=${said.pending}>${button}<//>
      <${Outcome} said=${said} />
    </form>`;
}

/** A choice from `groups`, `[[title, [[value, words]]]]`; a group without entries is left out. */
export function Choice({ label, empty, value, groups, onChoose }) {
  return html`
    <select aria-label=${label} required value=${value} onChange=${(event) => onChoose(event.target.value)}>
      <option value="" disabled>${empty}</option>
      ${groups.filter(([, entries]) => entries.length).map(([title, entries]) => html`
        <optgroup key=${title} label=${title}>${entries.map(([key, words]) => html`<option key=${key} value=${key}>${words}</option>`)}</optgroup>`)}
    </select>`;
}
