// "Why?": the decisions about a contact, what keeps an agent, and what comes next, in sentences.
//
// Why: the answer is worked out on the server for each question, so it is asked for by a button and
// not with every picture. The words come from the server too: the same that `callcenter why` prints.

import { useQuestion } from "./found.mjs";
import { may } from "./live.mjs";
import { html } from "./page.mjs";
import { clockTime, seconds } from "./words.mjs";

const PEOPLE_FEW = 3;

/** Agents by the rule that kept them: how many, and who. */
function Rules({ rules }) {
  return html`<ul class="rules">${rules.map((rule) => html`
    <li key=${rule.text} data-rule=${rule.rule}><b class="num">${rule.count}</b><span><span class="rule">${rule.text}:</span>
      ${" "}${rule.people.map((one) => (rule.count <= PEOPLE_FEW && one.text !== rule.text ? `${one.name} (${one.text})` : one.name)).join(", ")}
      ${rule.count > rule.people.length && ` and ${rule.count - rule.people.length} more`}</span></li>`)}</ul>`;
}

function Decision({ decision }) {
  return html`
    <details class="decision">
      <summary>${decision.text}</summary>
      ${decision.note && html`<p class="quiet">${decision.note}</p>`}
      <${Rules} rules=${decision.others} />
    </details>`;
}

function Moments({ moments }) {
  return html`<ol class="story why-story">${moments.map((moment, n) => html`
    <li key=${n} data-kind=${moment.kind}><time datetime=${moment.at}>${clockTime(moment.at)}</time>
      <div>${moment.text}${moment.decision && html`<${Decision} decision=${moment.decision} />`}</div></li>`)}</ol>`;
}

function Next({ next }) {
  if (!next.length) return null;
  return html`
    <h4>What happens next</h4>
    <ol class="story why-next">${next.map((due, n) => html`
      <li key=${n} data-what=${due.what}><time datetime=${due.at}>${clockTime(due.at)}</time><span>${due.text} <span class="quiet">in ${seconds(due.in_seconds)}</span></span></li>`)}</ol>`;
}

/** Contacts that wait, by the caller's masked number where the wall has it. */
function Line({ title, lines, count, waiting, open }) {
  if (!lines.length) return null;
  const caller = (contact) => waiting.find((row) => row.contact === contact)?.caller || contact;
  return html`
    <h4>${title}: ${count}</h4>
    <ul class="rules">${lines.map((line) => html`
      <li key=${line.contact}><b class="num">${seconds(line.waited_seconds)}</b><span>
        <button class="link-like" onClick=${() => open({ kind: "contact", contact: line.contact })}>${caller(line.contact)}</button> ${line.text}</span></li>`)}</ul>`;
}

function Waiting({ found, ...tools }) {
  return html`
    ${found.held_back.map((text) => html`<p class="notice" key=${text}>${text}</p>`)}
    <${Next} next=${found.next} />
    <${Line} title="Ahead of it" lines=${found.ahead} count=${found.ahead_count} ...${tools} />
    <h4>Why nobody has it yet</h4>
    <${Rules} rules=${found.agents} />`;
}

function Panel({ path, words, Answer, ...tools }) {
  const [found, trouble, asking, begin] = useQuestion(path);
  const sentence = found && found.text.charAt(0).toUpperCase() + found.text.slice(1);
  return html`
    <section class="why" aria-label="Why">
      <div class="why-head"><h3>Why?</h3>
        <button class="plain" disabled=${asking} onClick=${begin}>${asking ? "Asking …" : found ? "Ask again" : words}</button></div>
      <div aria-live="polite">
        ${trouble && html`<p class="notice bad" role="alert">${trouble}</p>`}
        ${found && html`<p class="why-text"><b>${sentence}.</b> <span class="quiet">At ${clockTime(found.at)}.</span></p>`}
      </div>
      ${found && html`<${Answer} found=${found} ...${tools} />`}
    </section>`;
}

const ContactAnswer = ({ found, ...tools }) => html`
  ${found.notes.map((note) => html`<p class="quiet" key=${note}>${note}</p>`)}
  ${found.waiting && html`<${Waiting} found=${found.waiting} ...${tools} />`}
  <h4>Decisions</h4>
  <${Moments} moments=${found.moments} />`;

const AgentAnswer = ({ found, ...tools }) => html`
  <${Next} next=${found.next} />
  <${Line} title="Waits, and she could take it" lines=${found.line} count=${found.line_count} ...${tools} />
  <${Line} title="Waits, and is not for her" lines=${found.others} count=${found.others_count} ...${tools} />
  ${found.offers.length > 0 && html`<h4>Her last offers</h4><${Moments} moments=${found.offers} />`}`;

/** In a contact's sheet. */
export const WhyContact = ({ contact, ...tools }) => may("supervisor") && html`
  <${Panel} path=${`contacts/${encodeURIComponent(contact)}/why`} words="Why this agent, why not others, what comes next" Answer=${ContactAnswer} ...${tools} />`;

/** In an agent's sheet. */
export const WhyAgent = ({ agent, ...tools }) => may("desk", agent) && html`
  <${Panel} path=${`agents/${encodeURIComponent(agent)}/why`} words="Why she has no call, or this one" Answer=${AgentAnswer} ...${tools} />`;
