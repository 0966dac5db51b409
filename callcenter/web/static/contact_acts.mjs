// What a supervisor does with a contact that waits: another queue, one agent, another priority.

import { useRef, useState } from "./vendor/preact-hooks.mjs";
import { ActForm, Choice } from "./acts.mjs";
import { Trouble, useQuestion } from "./found.mjs";
import { may } from "./live.mjs";
import { html } from "./page.mjs";
import { PRESENCE, label, plain } from "./words.mjs";

const PRIORITY_MAX = 10;
const TIMES = [[30, "30 s"], [120, "2 min"], [600, "10 min"], [3600, "1 h"]];

const address = (contact) => `contacts/${encodeURIComponent(contact)}`;
const has = (agent, skills) => Object.entries(skills).every(([skill, least]) => (agent.skills[skill] ?? 0) >= least);

function Move({ row, queues }) {
  const [queue, setQueue] = useState("");
  const others = queues.filter((one) => one.id !== row.queue)
    .map((one) => [one.id, `${one.title}: ${one.open ? `${one.waiting} waiting` : "closed"}`]);
  const title = queues.find((one) => one.id === queue)?.title ?? queue;
  return html`
    <${ActForm} name="move" words="Move to" button="Move"
      begin=${(act) => act({ doing: `Moving it to ${title} …`, done: `Moved to ${title}.`, path: `${address(row.contact)}/move`, body: { queue } })}>
      <${Choice} label="Queue" empty="Choose a queue" value=${queue} groups=${[["Other queues", others]]} onChoose=${setQueue} />
    <//>`;
}

function Assign({ row, agents }) {
  const [agent, setAgent] = useState("");
  const [time, setTime] = useState(TIMES[1][0]);
  const here = agents.filter((one) => one.presence !== "logged_out").sort((a, b) => a.name.localeCompare(b.name));
  const entry = (one) => [one.id, `${one.name}: ${one.reachable ? PRESENCE[one.presence].toLowerCase() : "no phone"}`];
  const groups = [
    ["Has the skills", here.filter((one) => has(one, row.skills)).map(entry)],
    ["Has not the skills", here.filter((one) => !has(one, row.skills)).map(entry)],
  ];
  const name = agents.find((one) => one.id === agent)?.name ?? agent;
  return html`
    <${ActForm} name="assign" words="Keep for" button="Assign"
      begin=${(act) => act({ doing: `Assigning it to ${name} …`, done: `${name} alone may have it now.`, path: `${address(row.contact)}/assign`, body: { agent, seconds: Number(time) } })}>
      <${Choice} label="Agent" empty=${here.length ? "Choose an agent" : "Nobody is logged in"} value=${agent} groups=${groups} onChoose=${setAgent} />
      <select class="short" aria-label="For how long; afterwards everybody may have it" value=${time} onChange=${(event) => setTime(event.target.value)}>
        ${TIMES.map(([n, words]) => html`<option key=${n} value=${n}>${words}</option>`)}</select>
    <//>`;
}

function Priority({ row }) {
  const [draft, setDraft] = useState(null);
  const priority = draft ?? row.priority;
  return html`
    <${ActForm} name="priority" words="Priority" button="Set"
      begin=${(act) => act({ doing: "Setting the priority …", done: `Priority ${priority}.`, path: `${address(row.contact)}/priority`, body: { priority: Number(priority) } })}>
      <input class="short" type="number" aria-label="Priority" required min="0" max=${PRIORITY_MAX} step="1" value=${priority} onInput=${(event) => setDraft(event.target.value)} />
      <span class="quiet">now ${row.priority}; 0 to ${PRIORITY_MAX}, higher first</span>
    <//>`;
}

/** The acts, while it waits. Who saw them keeps them in sight when it waits no more. */
export function ContactActs({ contact, state }) {
  const row = state.waiting.find((one) => one.contact === contact);
  const last = useRef(null);
  last.current = row ?? last.current;
  if (!may("supervisor") || !last.current) return null;
  return html`
    <section class="acts" aria-label="What to do with it">
      <h3>While it waits</h3>
      ${!row && html`<p class="notice" role="status">It waits no more.</p>`}
      <${Move} row=${last.current} queues=${state.queues} />
      <${Assign} row=${last.current} agents=${state.agents} />
      <${Priority} row=${last.current} />
    </section>`;
}

function People({ found, open }) {
  const person = (one, more) => html`
    <li key=${one.agent}><button class="link-like" onClick=${() => open({ kind: "agent", agent: one.agent })}>${one.name}</button><span>${more}</span></li>`;
  const needs = Object.entries(found.needs).map(([skill, level]) => `${label(skill)} ${level}`).join(", ");
  const lacks = (one) => Object.entries(one.missing).map(([skill, level]) => `${label(skill)} to ${level}`).join(", ");
  return html`
    <p>${needs ? html`It needs <b>${needs}</b>.` : "It needs no skill."}</p>
    <h4>Can take it as they are: ${found.able.length}</h4>
    <ul class="plain-list">${found.able.map((one) => person(one, plain(one.reachable || one.presence === "logged_out" ? one.presence : "no phone")))}</ul>
    ${found.candidates.length > 0 && html`
      <h4>Could, if trained; the nearest first</h4>
      <ul class="plain-list" id="if-trained">${found.candidates.map((one) => person(one, lacks(one)))}</ul>`}`;
}

/** Who can take it, and who could after which training. */
export function IfTrained({ contact, waiting, open }) {
  const [found, trouble, asking, begin] = useQuestion(`${address(contact)}/if-trained`);
  const waits = waiting.some((one) => one.contact === contact);
  if (!may("supervisor") || !(waits || found)) return null;
  return html`
    <section class="acts trained" aria-label="Who could take it">
      <div class="why-head"><h3>Who could?</h3>
        <button class="plain" aria-disabled=${asking ? "true" : "false"} onClick=${begin}>${asking ? "Asking …" : found ? "Ask again" : "Who can take it, and who could if trained"}</button></div>
      <div aria-live="polite">${trouble && html`<${Trouble} words=${trouble} />`}${found && html`<${People} found=${found} open=${open} />`}</div>
    </section>`;
}
