// A queue's own dialog: whether it is open and who said so, its announcement, and how to change both.

import { useEffect, useRef, useState } from "./vendor/preact-hooks.mjs";
import { Choice, Do, Outcome, useAct } from "./acts.mjs";
import { Trouble, useFound } from "./found.mjs";
import { may } from "./live.mjs";
import { html } from "./page.mjs";
import { clockTime, label, seconds } from "./words.mjs";

/** Open or closed, and by whom: `Closed by hand`. */
export const doorWords = (queue) => (queue.door ? `${queue.open ? "open" : "closed"} by hand` : queue.open ? "open" : "closed");

const address = (queue) => `queues/${encodeURIComponent(queue.id)}`;

function QueueFacts({ queue, state }) {
  const by = queue.door_by && ` by ${queue.door_by}`;
  const everywhere = state.announcement && queue.announcement === state.announcement;
  const facts = [
    ["Door", html`<b class=${queue.open ? "open" : "shut"}>${label(doorWords(queue))}</b>${queue.door ? html`<span class="quiet">${by} since ${clockTime(queue.door_since)}</span>` : html`<span class="quiet"> by the calendar</span>`}`],
    ["Announcement", queue.announcement ? html`<b>${queue.announcement}</b>${everywhere ? html`<span class="quiet"> in all queues</span>` : ""}` : "none"],
    ["Waiting", queue.waiting ? `${queue.waiting}${queue.ringing ? `, ${queue.ringing} of them ringing` : ""}` : "nobody"],
    ["Free agents", queue.agents.available ?? 0],
    ["Needs", Object.entries(queue.skills).map(([skill, level]) => `${label(skill)} ${level}`).join(", ") || "no skill"],
    ["Goal", `${queue.target_percent} % in ${seconds(queue.target_seconds)}`],
  ];
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Sending people away is asked twice; the careful answer has the focus. */
function Dismissal({ queue, close, pending }) {
  const [asked, setAsked] = useState(false);
  const first = useRef(null);
  const careful = useRef(null);
  useEffect(() => { if (asked) careful.current?.focus(); }, [asked]);
  const leave = () => {
    setAsked(false);
    first.current?.focus();
  };
  return html`
    <div class="dismissal">
      <button ref=${first} type="button" class="danger" aria-expanded=${asked} aria-disabled=${queue.waiting ? "false" : "true"}
        onClick=${() => queue.waiting && setAsked(true)}>Close and send away who waits</button>
      ${asked && html`
        <div class="notice confirm" role="group" aria-label="Are you sure?">
          <p>${queue.waiting === 1 ? "The one caller who waits is" : `All ${queue.waiting} who wait are`} sent on to what the flow does when ${queue.title} is closed. This cannot be undone.</p>
          <div class="row"><${Do} tone="danger" pending=${pending} onClick=${() => close(true).then(leave)}>Send them away<//>
            <button ref=${careful} type="button" onClick=${leave}>Keep them</button></div>
        </div>`}
    </div>`;
}

function Doors({ queue }) {
  const [said, act] = useAct();
  const open = (body, doing, done) => act({ doing, done, path: `${address(queue)}/open`, body });
  const close = (dismiss) => act({
    doing: dismiss ? "Closing, and sending away who waits …" : "Closing …",
    done: dismiss ? "Closed; who waited was sent on." : "Closed. Who waits keeps the place.",
    path: `${address(queue)}/close`, body: { dismiss },
  });
  const choices = [
    ["open", "Open", () => open({}, "Opening …", "Open, whatever the calendar says.")],
    ["closed", "Close", () => close(false)],
    ["", "As the calendar says", () => open({ follow_calendar: true }, "Leaving it to the calendar …", "The calendar decides again.")],
  ];
  return html`
    <section class="acts" data-acts="door" aria-label="Door">
      <h3>Door</h3>
      <div class="row">${choices.map(([door, words, begin]) => html`
        <${Do} key=${door} pending=${said.pending} data-door=${door || "calendar"} aria-pressed=${queue.door === door} onClick=${begin}>${words}<//>`)}
        <${Outcome} said=${said} /></div>
      <${Dismissal} queue=${queue} close=${close} pending=${said.pending} />
    </section>`;
}

function Announcements({ queue, everywhere }) {
  const [name, setName] = useState("");
  const [all, setAll] = useState(false);
  const [said, act] = useAct();
  const where = all ? "in all queues" : `in ${queue.title}`;
  const tell = (announcement, doing, done) => act({ doing, done, path: all ? "announcement" : `${address(queue)}/announcement`, body: { announcement } });
  const send = async (event) => {
    event.preventDefault();
    if (await tell(name, "Setting it …", `“${name}” is told ${where}.`)) setName("");
  };
  const inForce = all ? everywhere : queue.announcement;
  const [found, trouble] = useFound("prompts", "");
  const empty = !found ? "Reading …" : found.prompts.length ? "Choose a prompt" : "No prompt is recorded";
  return html`
    <section class="acts" data-acts="announcement" aria-label="Announcement">
      <h3>Announcement</h3>
      ${trouble && html`<${Trouble} words=${trouble} />`}
      <form class="row" onSubmit=${send}>
        <${Choice} label="Prompt" empty=${empty} value=${name} groups=${[["Recorded", (found?.prompts ?? []).map((one) => [one, one])]]} onChoose=${setName} />
        <label class="check"><input type="checkbox" checked=${all} onChange=${(event) => setAll(event.target.checked)} /> all queues</label>
        <${Do} pending=${said.pending}>Tell callers<//>
        <button type="button" aria-disabled=${!inForce || said.pending ? "true" : "false"}
          onClick=${() => inForce && tell("", "Taking it back …", `Taken back ${where}.`)}>Take it back</button>
        <${Outcome} said=${said} />
      </form>
      <p class="quiet">Who comes from now on hears it before the music.</p>
    </section>`;
}

/** The queue's dialog; everybody reads it, a supervisor acts. */
export function QueueView({ queue, state, open }) {
  return html`
    <${QueueFacts} queue=${queue} state=${state} />
    ${may("supervisor") && html`
      <${Doors} queue=${queue} />
      <${Announcements} queue=${queue} everywhere=${state.announcement} />`}
    <div class="row"><button onClick=${() => open({ kind: "figure", queue: queue.id, figure: "waiting" })}>Who waits</button>
      <button onClick=${() => open({ kind: "figure", queue: queue.id, figure: "staff" })}>Who serves it</button>
      ${may("supervisor") && html`<button onClick=${() => open({ kind: "gaps", queue: queue.id })}>Skill gaps today</button>`}</div>`;
}
