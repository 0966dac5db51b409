// The wall: every queue now and today, who waits, who works. Numbers open to the contacts behind.

import { h, render } from "./vendor/preact.mjs";
import { useEffect, useRef, useState } from "./vendor/preact-hooks.mjs";
import { useSignalEffect } from "./vendor/signals.mjs";
import htm from "./vendor/htm.mjs";
import { PRESENCE, ago, ask, follow, percent, span } from "./live.mjs";

const html = htm.bind(h);
const link = follow("wall");

/** `good`, `warn` or `bad` for a value against two thresholds. */
const level = (value, warn, critical) => (value >= critical ? "bad" : value >= warn ? "warn" : "good");
const WORDS = { good: "On target", warn: "Warning", bad: "Critical" };
const RANK = { good: 0, warn: 1, bad: 2 };

function serviceLevel(queue) {
  if (queue.service_level === null) return "good";
  const goal = queue.target_percent / 100;
  return queue.service_level >= goal ? "good" : queue.service_level >= goal * 0.7 ? "warn" : "bad";
}

function Figure({ value, label, tone = "", onOpen }) {
  const body = html`<b>${value}</b><span>${label}</span>`;
  return onOpen
    ? html`<button class=${`figure open ${tone}`} onClick=${onOpen} title="Show the contacts">${body}</button>`
    : html`<div class=${`figure ${tone}`}>${body}</div>`;
}

function Tile({ queue, now, onOpen }) {
  const t = queue.thresholds;
  const wait = queue.oldest_since ? ago(queue.oldest_since, now) : 0;
  const levels = {
    waiting: level(queue.waiting, t.waiting_warn, t.waiting_critical),
    wait: queue.waiting ? level(wait, t.longest_wait_warn_seconds, t.longest_wait_critical_seconds) : "good",
    service: serviceLevel(queue),
  };
  const worst = Object.values(levels).reduce((a, b) => (RANK[b] > RANK[a] ? b : a), "good");
  const open = (counted, what) => () => onOpen({ queue, counted, what });
  const tone = (name) => (name === "good" ? "" : name);
  return html`
    <section class=${`card tile ${worst}`} data-queue=${queue.id} aria-label=${queue.title}>
      <div class="head"><h2>${queue.title}</h2><span class=${`level ${worst}`}>${WORDS[worst]}</span></div>
      <div class="big">
        <${Figure} value=${queue.waiting} label="waiting" tone=${tone(levels.waiting)} />
        <${Figure} value=${queue.waiting ? span(wait) : "–"} label="longest wait" tone=${tone(levels.wait)} />
        <${Figure} value=${percent(queue.service_level)} tone=${tone(levels.service)}
          label=${`in ${queue.target_seconds} s, goal ${queue.target_percent} %`}
          onOpen=${open("answered_in_target", "answered in time")} />
      </div>
      <div class="small">
        <${Figure} value=${queue.answered} label="answered" onOpen=${open("answered", "answered")} />
        <${Figure} value=${queue.abandoned} label="abandoned" onOpen=${open("abandoned", "abandoned")} />
        <${Figure} value=${queue.asa_seconds === null ? "–" : span(queue.asa_seconds)} label="avg. answer" />
        <${Figure} value=${percent(queue.occupancy)} label="occupancy" />
      </div>
      <div class="states" aria-label="Agents who serve this queue">
        <span><b>${queue.agents.available ?? queue.agents.ready}</b> free</span>
        <span><b>${(queue.agents.talking ?? 0) + (queue.agents.reserved ?? 0)}</b> on calls</span>
        <span><b>${queue.agents.wrap_up ?? 0}</b> wrap-up</span>
        <span><b>${queue.agents.not_ready ?? 0}</b> not ready</span>
        ${queue.agents.unreachable ? html`<span class="nophone"><b>${queue.agents.unreachable}</b> without phone</span>` : ""}
      </div>
    </section>`;
}

function Waiting({ rows, titles, now }) {
  return html`
    <section class="card pane" id="waiting" aria-label="Waiting list">
      <h2>Waiting <span class="states">${rows.length ? `${rows.length} in all` : ""}</span></h2>
      ${rows.length === 0 ? html`<p class="empty">Nobody is waiting.</p>` : html`
        <table>
          <thead><tr><th>Place</th><th>Queue</th><th>Caller</th><th class="num">Waited</th><th class="num hide-small">Priority</th></tr></thead>
          <tbody>${rows.slice(0, 50).map((row) => html`
            <tr key=${row.contact} data-contact=${row.contact}>
              <td>${row.position}</td>
              <td>${titles[row.queue] ?? row.queue}${row.channel === "voice" ? "" : ` · ${row.channel}`}</td>
              <td>${row.caller || "unknown"}${row.state === "ringing" ? html` <span class="presence reserved">ringing</span>` : ""}</td>
              <td class="num">${span(ago(row.since, now))}</td>
              <td class="num hide-small">${row.priority}</td>
            </tr>`)}
          </tbody>
        </table>
        ${rows.length > 50 ? html`<p class="empty">and ${rows.length - 50} more</p>` : ""}`}
    </section>`;
}

function Person({ agent, titles, now }) {
  const words = PRESENCE[agent.presence] ?? agent.presence;
  return html`
    <div class=${`person ${agent.presence}`} data-agent=${agent.id}>
      <span class="name">${agent.name}</span>
      <span class="time">${span(ago(agent.since, now))}</span>
      <span class="what">
        <span class="presence">${words}${agent.reason ? `: ${reason(agent.reason)}` : ""}</span>
        ${agent.queue ? html`<span>${titles[agent.queue] ?? agent.queue}${agent.held ? ", on hold" : ""}</span>` : ""}
        ${agent.next_presence ? html`<span>then ${(PRESENCE[agent.next_presence] ?? "").toLowerCase()}</span>` : ""}
        ${!agent.reachable && agent.presence !== "logged_out" ? html`<span class="nophone">no phone</span>` : ""}
        <span>${agent.handled} handled${agent.missed ? `, ${agent.missed} missed` : ""}</span>
      </span>
    </div>`;
}

const reason = (code) => (code === "rona" ? "did not answer" : code.replaceAll("-", " ").replaceAll("_", " "));
const ORDER = ["talking", "reserved", "wrap_up", "ready", "not_ready", "logged_out"];

function Agents({ rows, titles, now }) {
  const sorted = [...rows].sort((a, b) => ORDER.indexOf(a.presence) - ORDER.indexOf(b.presence) || a.name.localeCompare(b.name));
  const here = rows.filter((row) => row.presence !== "logged_out").length;
  return html`
    <section class="card pane" id="agents" aria-label="Agents">
      <h2>Agents <span class="states">${here} of ${rows.length} logged in</span></h2>
      <div class="people">${sorted.map((agent) => html`<${Person} key=${agent.id} agent=${agent} titles=${titles} now=${now} />`)}</div>
    </section>`;
}

const FORMULAS = {
  answered: "Every visit to this queue that an agent answered today.",
  abandoned: "Every visit today whose caller left before an agent answered.",
  answered_in_target: "Service level = answered in time / (answered + abandoned − short abandons).",
};

function Sheet({ wanted, onClose }) {
  const dialog = useRef(null);
  const [rows, setRows] = useState(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    dialog.current?.showModal();
    ask(`contacts?queue=${encodeURIComponent(wanted.queue.id)}&counted=${wanted.counted}&limit=200`)
      .then((found) => setRows(found.contacts), (error) => setTrouble(error.message));
  }, [wanted]);
  return html`
    <dialog ref=${dialog} onClose=${onClose}>
      <div class="sheet">
        <div class="head"><h2>${wanted.queue.title}: ${wanted.what} today</h2><button onClick=${() => dialog.current.close()}>Close</button></div>
        <p class="formula">${FORMULAS[wanted.counted] ?? ""}</p>
        ${trouble ? html`<p class="notice bad">${trouble}</p>` : rows === null ? html`<p class="empty">Reading …</p>`
          : rows.length === 0 ? html`<p class="empty">No contact yet today.</p>` : html`
          <table>
            <thead><tr><th>Arrived</th><th>Caller</th><th>Agent</th><th>Ending</th></tr></thead>
            <tbody>${rows.map((row) => html`
              <tr key=${row.id}>
                <td>${new Date(row.arrived ?? row.arrived_at).toLocaleTimeString()}</td>
                <td>${row.caller || "unknown"}</td>
                <td>${row.agent || (row.segments ?? []).map((s) => s.agent).join(", ") || "–"}</td>
                <td>${row.termination ? row.termination.reason.replaceAll("_", " ") : "in progress"}</td>
              </tr>`)}
            </tbody>
          </table>`}
      </div>
    </dialog>`;
}

/** Tells a browser test, and a curious person, when a state was painted. */
function painted(at) {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    document.documentElement.dataset.painted = at;
  }));
}

function Wall() {
  const [, again] = useState(0);
  const [wanted, open] = useState(null);
  useSignalEffect(() => {
    void link.state.value; void link.stale.value; void link.clock.value;
    again((n) => n + 1);
  });
  const state = link.state.value;
  if (!state) return html`<p class="boot">Connecting to the center …</p>`;
  painted(state.at);
  const now = link.clock.value;
  const titles = Object.fromEntries(state.queues.map((queue) => [queue.id, queue.title]));
  const lag = state.control_lag_seconds ?? 0;
  const stale = link.stale.value;
  return html`
    <header class="bar">
      <h1><img src="/static/icon.svg" alt="" />${state.center || "Contact center"}</h1>
      <div class="push">
        <span class=${`link ${stale ? "stale" : ""}`} role="status">${stale
          ? `Stale since ${new Date(link.since.value).toLocaleTimeString()}` : "Live"}</span>
        <span title="Age of the oldest command that the control center has not decided">Control lag ${lag < 1 ? `${Math.round(lag * 1000)} ms` : span(lag)}</span>
        <span>${new Date(now).toLocaleTimeString()}</span>
        <a href="/desk">Desk</a>
      </div>
    </header>
    <main class=${stale ? "stale-page" : ""}>
      <div class="tiles">${state.queues.map((queue) => html`<${Tile} key=${queue.id} queue=${queue} now=${now} onOpen=${open} />`)}</div>
      <div class="two">
        <${Waiting} rows=${state.waiting} titles=${titles} now=${now} />
        <${Agents} rows=${state.agents} titles=${titles} now=${now} />
      </div>
    </main>
    ${wanted ? html`<${Sheet} wanted=${wanted} onClose=${() => open(null)} />` : ""}`;
}

render(html`<${Wall} />`, document.getElementById("page"));
