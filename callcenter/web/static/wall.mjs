// The wall: every queue now and today, who waits, who works. Numbers open to what is behind them.

import { render } from "./vendor/preact.mjs";
import { useEffect } from "./vendor/preact-hooks.mjs";
import { signal } from "./vendor/signals.mjs";
import { LEVELS, alarmsOf, longestWait, troubles, worst } from "./alarms.mjs";
import { certificateAlarm } from "./certificates.mjs";
import { Agents, WaitingTable } from "./lists.mjs";
import { follow } from "./live.mjs";
import { FullButton, LinkSign, StaleStamp, ThemeButton, html, onKeys, toggleFull, usePainted } from "./page.mjs";
import { Sheet } from "./sheet.mjs";
import { Tile } from "./tile.mjs";
import { clockTime, lagWords } from "./words.mjs";

const link = follow("wall");
const views = signal([]);
const start = (view) => { views.value = [view]; };
const open = (view) => { views.value = [...views.value, view]; };
const back = () => { views.value = views.value.slice(0, -1); };
const close = () => { views.value = []; };

function Bar({ state }) {
  const late = state.control_lag_seconds > 0.5 || !state.control.alive;
  return html`
    <header class="bar">
      <h1>${state.center || "Contact center"}</h1>
      <${LinkSign} link=${link} />
      <span class=${`lag ${late ? "bad" : ""}`} title="Age of the oldest command that the control center has not decided">
        Control ${state.control.alive ? `lag ${lagWords(state.control_lag_seconds)}` : "away"}</span>
      <time class="now">${clockTime(link.clock.value)}</time>
      <nav><${FullButton} /><${ThemeButton} /><a href="/desk">Desk</a></nav>
    </header>`;
}

/** Where it burns, in one line; what is read first. */
function Verdict({ state, burning }) {
  const broken = troubles(state);
  const certificates = certificateAlarm(state.agents);
  const free = state.agents.filter((agent) => agent.presence === "ready" && agent.reachable).length;
  return html`
    <div class="verdict">
      <span><b>${state.waiting.length}</b> waiting</span><span><b>${free}</b> free</span>
      ${broken.map((words) => html`<span key=${words} class="burn bad"><b>Center</b> ${words}</span>`)}
      ${burning.map(({ queue, level, alarms }) => html`
        <a key=${queue.id} class=${`burn ${level}`} href=${`#queue-${queue.id}`}><b>${LEVELS[level]}: ${queue.title}</b> ${alarms[0].words}</a>`)}
      ${!burning.length && !broken.length && certificates?.level !== "warn" && html`<span class="calm">No alarms</span>`}
      ${certificates && html`<button class=${`burn ${certificates.level}`} id="certificates" onClick=${() => start({ kind: "certificates" })}><b>Certificates</b> ${certificates.words}</button>`}
    </div>`;
}

/** Tells a screen reader and the tab's title when a level changes, and only then. */
function Announcer({ burning }) {
  const words = burning.map(({ queue, level }) => `${queue.title}: ${LEVELS[level].toLowerCase()}`).join(", ");
  const critical = burning.filter(({ level }) => level === "bad").length;
  useEffect(() => {
    document.title = critical ? `${critical} critical – wall` : "Wall";
  }, [critical]);
  return html`<p class="sr" role="status">${words || "No alarms"}</p>`;
}

/** The queues with an alarm: critical ones first, among them the longest wait. */
function burningQueues(state) {
  const now = link.clock.value;
  return state.queues
    .map((queue) => ({ queue, alarms: alarmsOf(queue, now), waited: longestWait(queue, now) }))
    .filter(({ alarms }) => alarms.length)
    .map((one) => ({ ...one, level: worst(one.alarms) }))
    .sort((a, b) => (b.level === "bad") - (a.level === "bad") || b.waited - a.waited);
}

function Wall() {
  const state = link.state.value;
  usePainted(state?.at);
  if (!state) return html`<p class="boot">Connecting to the center …</p>`;
  const burning = burningQueues(state);
  const titles = new Map(state.queues.map((queue) => [queue.id, queue.title]));
  const names = new Map(state.agents.map((agent) => [agent.id, agent.name]));
  const tools = { titles, names, clock: link.clock, open: start };
  return html`
    <${Bar} state=${state} />
    <${StaleStamp} link=${link} />
    <main class=${link.stale.value ? "old" : ""}>
      <${Verdict} state=${state} burning=${burning} />
      <div class="tiles">${state.queues.map((queue) => html`
        <div key=${queue.id} id=${`queue-${queue.id}`}><${Tile} queue=${queue} ...${tools} /></div>`)}</div>
      <div class="two">
        <section class="pane" id="waiting" aria-label="Waiting list">
          <div class="pane-head"><h2>Waiting</h2><span class="quiet">longest first</span></div>
          <${WaitingTable} rows=${state.waiting} queues=${state.queues} ...${tools} />
        </section>
        <${Agents} rows=${state.agents} ...${tools} />
      </div>
    </main>
    <${Announcer} burning=${burning} />
    ${views.value.length > 0 && html`<${Sheet} views=${views.value} state=${state} close=${close} back=${back} queues=${state.queues} ...${tools} open=${open} />`}`;
}

const keys = { f: toggleFull, "?": () => start({ kind: "keys" }) };
for (let n = 1; n <= 9; n += 1) {
  keys[n] = () => {
    const queue = link.state.value?.queues[n - 1];
    if (queue) start({ kind: "figure", queue: queue.id, figure: "waiting" });
  };
}
onKeys(keys);
render(html`<${Wall} />`, document.getElementById("page"));
