// What is behind a number: the formula with today's counts, the contacts, and one contact's story.
//
// Why: a figure that cannot be explained is not believed. Each view says how it was computed and
// shows the very contacts that were counted; from there one step leads to what happened to each.

import { useLayoutEffect, useRef, useState } from "./vendor/preact-hooks.mjs";
import { Skills, StateActs, Trainings } from "./agent_acts.mjs";
import { CALLS_MIN, CRITICAL_SHARE, counted } from "./alarms.mjs";
import { Certificates } from "./certificates.mjs";
import { ContactActs, IfTrained } from "./contact_acts.mjs";
import { Reading, Trouble, useFound } from "./found.mjs";
import { GapsView } from "./gaps.mjs";
import { AgentFacts, Person, WaitingTable } from "./lists.mjs";
import { may } from "./live.mjs";
import { html } from "./page.mjs";
import { QueueView } from "./queue_acts.mjs";
import { WhyAgent, WhyContact } from "./why.mjs";
import { attribute, clockTime, label, percent, plain, seconds } from "./words.mjs";

const LIMIT = 200;

/** Per figure: its name, its formula with numbers, and which contacts it counts. */
const FIGURES = {
  waiting: { title: "waiting now", words: () => "Who waits now, ringing ones included; they keep their place until an agent answers." },
  service: {
    title: "service level today", counts: "answered_in_target",
    words: (q) => `${q.answered_in_target} answered within ${q.target_seconds} s ÷ (${q.answered} answered + ${q.abandoned} abandoned − ${q.short_abandoned} of them within ${q.short_abandon_seconds} s) = ${percent(q.service_level)}${counted(q) ? "" : ", as there is nothing to divide by"}. Goal ${q.target_percent} %; critical under ${percent((q.target_percent / 100) * CRITICAL_SHARE)} while somebody waits; no alarm on fewer than ${CALLS_MIN} calls.`,
  },
  answered: { title: "answered today", counts: "answered", words: (q) => `Every visit to the queue that an agent answered since midnight (${q.timezone}).` },
  abandoned: {
    title: "abandoned today", counts: "abandoned",
    words: (q) => `Callers who left before an agent answered, since midnight (${q.timezone}); ${q.short_abandoned} of them within ${q.short_abandon_seconds} s. Without these the abandonment is ${percent(q.abandonment)}. Offered ${q.offered} = answered ${q.answered} + abandoned ${q.abandoned} + flowed out ${q.flowed_out} + called back ${q.callbacks} + waiting ${q.waiting}.`,
  },
  expected: {
    title: "wait of a caller who would come now",
    words: (q) => q.promised_wait_seconds === null
      ? "Not known: too few calls of this queue were seen, or no agent is there for it. Callers are told nothing then."
      : `Expected ${seconds(q.expected_wait_seconds)}; promised ${seconds(q.promised_wait_seconds)}, which four of five callers do not reach. Looked ahead from who waits, who talks since when, how long calls took lately, who gives up and who may overtake. For calls only: mails and faxes have no estimate.`,
  },
  asa: { title: "average speed of answer", counts: "answered", words: (q) => `From entering the queue to the agent's answer, ringing included, over ${q.answered} answered: ${seconds(q.asa_seconds)}. Average handling (talk, hold and wrap-up): ${seconds(q.aht_seconds)}.` },
  occupancy: { title: "occupancy today", staff: true, words: (q) => `(Talk + hold + wrap-up) ÷ (that + ready and free) of the agents who can serve the queue: ${percent(q.occupancy)}. Pauses are not counted.` },
  staff: { title: "agents", staff: true, words: () => "Everybody whose skills fit the queue and who is logged in." },
};

function Contacts({ queue, counts, names, open }) {
  const whole = Math.min(LIMIT, queue[counts]);
  const [found, trouble] = useFound(`contacts?queue=${encodeURIComponent(queue.id)}&counted=${counts}&limit=${LIMIT}`, queue[counts],
    (list) => list.contacts.length >= whole);
  if (trouble) return html`<${Trouble} words=${trouble} />`;
  if (!found) return html`<${Reading} />`;
  if (!found.contacts.length) return html`<p class="empty">No contact yet today.</p>`;
  return html`
    <table>
      <thead><tr><th>Arrived</th><th>Caller</th><th>Agent</th><th class="num">Waited</th><th class="num hide-small">Talked</th><th class="hide-small">Ending</th></tr></thead>
      <tbody>${found.contacts.map((row) => html`
        <tr key=${row.contact} data-contact=${row.contact}>
          <td>${clockTime(row.arrived)}</td>
          <td><button class="link-like" onClick=${() => open({ kind: "contact", contact: row.contact })}>${row.caller || "unknown"}</button></td>
          <td>${names.get(row.agent) ?? (row.agent || "–")}</td>
          <td class="num">${seconds(row.waited_seconds)}</td>
          <td class="num hide-small">${row.talked_seconds ? seconds(row.talked_seconds) : "–"}</td>
          <td class="hide-small">${row.reason ? label(row.reason) : "in progress"}</td>
        </tr>`)}
      </tbody>
    </table>
    ${found.contacts.length === LIMIT && html`<p class="empty">The latest ${LIMIT}; the API has the others.</p>`}`;
}

function FigureView({ view, queue, state, ...tools }) {
  const { words, counts, staff } = FIGURES[view.figure];
  const rows = state.waiting.filter((row) => row.queue === queue.id);
  const people = state.agents.filter((agent) => agent.presence !== "logged_out"
    && Object.entries(queue.skills ?? {}).every(([skill, least]) => (agent.skills[skill] ?? 0) >= least));
  return html`
    <p class="formula">${words(queue)} <button class="link-like to" onClick=${() => tools.open({ kind: "queue", queue: queue.id })}>About this queue</button></p>
    ${(view.figure === "waiting" || view.figure === "expected") && html`<${WaitingTable} rows=${rows} queues=${state.queues} ...${tools} />`}
    ${counts && html`<${Contacts} queue=${queue} counts=${counts} ...${tools} />`}
    ${staff && html`<div class="people">${people.map((agent) => html`<${Person} key=${agent.id} agent=${agent} ...${tools} />`)}</div>`}`;
}

/** Where a contact is now; changes when its story goes on. */
function pulseOf(contact, state) {
  const row = state.waiting.find((one) => one.contact === contact);
  const agent = state.agents.find((one) => one.contact === contact);
  return `${row?.state} ${row?.agent} ${agent?.id} ${agent?.presence} ${agent?.held}`;
}

function ContactView({ view, state, titles, names, open }) {
  const [reveal, setReveal] = useState(false);
  const [found, trouble] = useFound(`contacts/${encodeURIComponent(view.contact)}${reveal ? "?reveal=true" : ""}`, pulseOf(view.contact, state));
  return html`
    ${trouble && html`<${Trouble} words=${trouble} />`}
    ${found ? html`<${ContactFacts} contact=${found.contact} titles=${titles} names=${names} show=${!reveal && may("supervisor") && (() => setReveal(true))} />` : !trouble && html`<${Reading} />`}
    <${ContactActs} contact=${view.contact} state=${state} />
    <${WhyContact} contact=${view.contact} waiting=${state.waiting} open=${open} />
    <${IfTrained} contact=${view.contact} waiting=${state.waiting} open=${open} />
    ${found && html`<${Story} found=${found} />`}`;
}

function ContactFacts({ contact, titles, names, show }) {
  const facts = [
    ["Caller", html`${contact.caller || "unknown"}${contact.caller && show && html` <button class="plain" onClick=${show}>Show</button>`}`], ["Dialled", contact.dialled],
    contact.origin && ["Callback of", contact.origin],
    contact.queue && ["Queue", titles.get(contact.queue) ?? contact.queue],
    contact.agent && ["Agent", names.get(contact.agent) ?? contact.agent],
    ["Waited", seconds(contact.waited_seconds)], contact.talked_seconds && ["Talked", seconds(contact.talked_seconds)],
    ...Object.entries(contact.attributes).map(([name, value]) => [label(name), label(attribute(name, value))]),
    contact.customer && ["Customer", contact.customer], ["State", label(contact.state)],
  ];
  return html`<dl class="facts">${facts.filter(Boolean).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function Story({ found }) {
  return html`
    <h3 class="part">What happened</h3>
    <ol class="story">${found.timeline.map((line, n) => html`
      <li key=${n} data-code=${line.code}><time datetime=${line.at}>${clockTime(line.at)}</time><span>${line.words}</span></li>`)}
    </ol>
    <p class="quiet">Flow ${found.flow || "–"}${found.revision && `, revision ${found.revision.slice(0, 12)}`} · contact ${found.contact.contact}</p>`;
}

function titleOf(view, state) {
  if (view.kind === "contact") return "What happened to this contact";
  if (view.kind === "agent") return state.agents.find((agent) => agent.id === view.agent)?.name ?? view.agent;
  if (view.kind === "keys") return "Keys";
  if (view.kind === "certificates") return "Certificates";
  const title = state.queues.find((one) => one.id === view.queue)?.title ?? view.queue;
  if (view.kind === "queue") return title;
  return `${title}: ${view.kind === "gaps" ? "skill gaps today" : FIGURES[view.figure].title}`;
}

const KEYS = [["F", "full screen, and back"], ["1 … 9", "what waits in the first, second … queue"], ["Tab, Enter", "go to a number, open what is behind it"], ["Esc", "close this"], ["?", "these keys"]];

function Body({ view, state, ...tools }) {
  if (view.kind === "contact") return html`<${ContactView} view=${view} state=${state} ...${tools} />`;
  if (view.kind === "keys") return html`<dl class="facts keys">${KEYS.map(([key, words]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${words}</dd></div>`)}</dl>`;
  if (view.kind === "certificates") return html`<${Certificates} agents=${state.agents} ...${tools} />`;
  if (view.kind === "agent") return html`<${AgentView} agent=${state.agents.find((one) => one.id === view.agent)} state=${state} ...${tools} />`;
  const queue = state.queues.find((one) => one.id === view.queue);
  if (!queue) return html`<p class="empty">This queue is gone.</p>`;
  const View = { figure: FigureView, queue: QueueView, gaps: GapsView }[view.kind];
  return html`<${View} view=${view} queue=${queue} state=${state} ...${tools} />`;
}

function AgentView({ agent, state, ...tools }) {
  if (!agent) return html`<p class="empty">This agent is gone.</p>`;
  return html`
    <${AgentFacts} agent=${agent} ...${tools} />
    <${StateActs} agent=${agent} reasons=${state.reasons} />
    <${WhyAgent} agent=${agent.id} waiting=${state.waiting} open=${tools.open} />
    <${Skills} agent=${agent} skills=${state.skills} clock=${tools.clock} />
    <${Trainings} agent=${agent} skills=${state.skills} />`;
}

/** The dialog over the wall. `views` is the path that led here; the last one is shown. */
export function Sheet({ views, close, back, ...rest }) {
  const dialog = useRef(null);
  useLayoutEffect(() => {
    if (!dialog.current.open) dialog.current.showModal();
  });
  const view = views[views.length - 1];
  const title = titleOf(view, rest.state);
  return html`
    <dialog ref=${dialog} onClose=${() => dialog.current.open || close()} aria-label=${title} onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
      <div class="sheet">
        <div class="sheet-head">
          ${views.length > 1 && html`<button class="plain" onClick=${back}>Back</button>`}
          <h2>${title}</h2>
          <button class="plain" onClick=${() => dialog.current.close()}>Close</button>
        </div>
        <div class="sheet-body"><${Body} key=${JSON.stringify(view)} view=${view} ...${rest} /></div>
      </div>
    </dialog>`;
}
