// Who waits and who works: the waiting list and the agent grid.

import { signal } from "./vendor/signals.mjs";
import { Ago, html } from "./page.mjs";
import { CHANNELS, PRESENCE, ago, attribute, label, percent, plain, presenceWords, waitRange } from "./words.mjs";

export const WAITING_SHOWN = 60;

/** What the caller told the flow, in a few words. */
const told = (row) => Object.entries(row.attributes).map(([name, value]) => attribute(name, value)).join(", ");

function waitLevel(row, queue, now) {
  const t = queue?.thresholds;
  const waited = ago(row.since, now);
  if (!t) return "good";
  return waited >= t.longest_wait_critical_seconds ? "bad" : waited >= t.longest_wait_warn_seconds ? "warn" : "good";
}

/** Her place among all whom the same agents could serve, and how long she will still wait. */
function still(row, now) {
  if (row.place === null) return "";
  if (row.promised_at === null) return `next but ${row.place - 1}`.replace("next but 0", "next");
  const left = (time) => (Date.parse(time) - now) / 1000;
  return left(row.promised_at) > 0 ? waitRange(left(row.expected_at), left(row.promised_at)) : "overdue";
}

function WaitingLine({ row, queue, names, clock, open }) {
  const level = waitLevel(row, queue, clock.value);
  return html`
    <tr data-contact=${row.contact}>
      <td class=${`num wait ${level}`}><${Ago} time=${row.since} clock=${clock} /></td>
      <td>${queue?.title ?? row.queue}<span class="quiet"> ${row.position}.</span></td>
      <td><button class="link-like" onClick=${() => open({ kind: "contact", contact: row.contact })}>${row.channel === "voice" ? row.caller || "unknown" : CHANNELS[row.channel] ?? plain(row.channel)}</button>${row.callback && html`<span class="quiet" title="Nobody is on the line: the customer is called when an agent has answered"> callback</span>`}</td>
      <td class="said hide-small">${told(row)}</td>
      <td class="num still" title=${row.place === null ? "" : `Place ${row.place} among all whom the same agents could serve`}>${still(row, clock.value)}</td>
      <td class="rings">${row.state === "ringing" && html`<span class="reserved state">${row.preview ? "looked at by" : "rings at"} ${[row.agent, ...row.also].map((agent) => names.get(agent) ?? agent).join(", ")}</span>`}</td>
    </tr>`;
}

/** Everyone who waits, the longest first; `rows` may be one queue's. */
export function WaitingTable({ rows, queues, names, clock, open }) {
  if (!rows.length) return html`<p class="empty">Nobody is waiting.</p>`;
  const byWait = [...rows].sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0));
  const byId = new Map(queues.map((queue) => [queue.id, queue]));
  return html`
    <table>
      <thead><tr><th class="num">Waited</th><th>Queue, place</th><th>Caller</th><th class="hide-small">Said</th><th class="num">Will wait</th><th><span class="sr">State</span></th></tr></thead>
      <tbody>${byWait.slice(0, WAITING_SHOWN).map((row) => html`
        <${WaitingLine} key=${row.contact} row=${row} queue=${byId.get(row.queue)} names=${names} clock=${clock} open=${open} />`)}
      </tbody>
    </table>
    ${rows.length > WAITING_SHOWN && html`<p class="empty">and ${rows.length - WAITING_SHOWN} more</p>`}`;
}

/** One agent: what she does and for how long. */
export function Person({ agent, titles, clock, open }) {
  const nophone = !agent.reachable && agent.presence !== "logged_out";
  return html`
    <button class=${`person ${nophone ? "nophone" : agent.presence}`} data-agent=${agent.id} data-presence=${agent.presence} data-since=${agent.since}
      onClick=${() => open({ kind: "agent", agent: agent.id })}>
      <span class="name">${agent.name}</span>
      <span class="time"><${Ago} time=${agent.since} clock=${clock} /></span>
      <span class="what">
        <b class="state">${presenceWords(agent.presence, agent.reason)}</b>
        ${agent.queue && html`<span> ${titles.get(agent.queue) ?? agent.queue}</span>`}
        ${agent.held && html`<span>, on hold</span>`}
        ${agent.next_presence && agent.next_presence !== "ready" && html`<span>, then ${plain(agent.next_reason) || PRESENCE[agent.next_presence].toLowerCase()}</span>`}
      </span>
      <span class="did">${nophone ? html`<b>no phone</b>` : `${agent.handled} today`}</span>
    </button>`;
}

const FILTERS = [
  ["here", "Logged in", (a) => a.presence !== "logged_out"],
  ["free", "Free", (a) => a.presence === "ready" && a.reachable],
  ["talking", "On calls", (a) => a.presence === "talking" || a.presence === "reserved"],
  ["wrap_up", "Wrap-up", (a) => a.presence === "wrap_up"],
  ["not_ready", "Not ready", (a) => a.presence === "not_ready"],
  ["nophone", "No phone", (a) => !a.reachable && a.presence !== "logged_out"],
  ["out", "Logged out", (a) => a.presence === "logged_out"],
];
const chosen = signal("here");

/** The agent grid. Everybody keeps a place in it (by name), so that eyes find people again. */
export function Agents({ rows, titles, clock, open }) {
  const counts = FILTERS.map(([key, words, fits]) => [key, words, rows.filter(fits).length]);
  const [, , fits] = FILTERS.find(([key]) => key === chosen.value);
  const shown = rows.filter(fits).sort((a, b) => a.name.localeCompare(b.name));
  return html`
    <section class="pane" id="agents" aria-label="Agents">
      <div class="pane-head"><h2>Agents</h2>
        <div class="filters" role="group" aria-label="Show">${counts.filter(([key, , n]) => n || key === chosen.value || key === "here").map(([key, words, n]) => html`
          <button key=${key} class="chip" aria-pressed=${chosen.value === key} onClick=${() => { chosen.value = key; }}>${words} <b>${n}</b></button>`)}
        </div>
      </div>
      ${shown.length ? html`<div class="people">${shown.map((agent) => html`
        <${Person} key=${agent.id} agent=${agent} titles=${titles} clock=${clock} open=${open} />`)}</div>`
        : html`<p class="empty">${chosen.value === "here" ? "Nobody is logged in." : "Nobody."}</p>`}
    </section>`;
}

/** Everything known of one agent, for her dialog. */
export function AgentFacts({ agent, titles, clock }) {
  const facts = [
    ["State", html`<b class=${`state ${agent.presence}`}>${presenceWords(agent.presence, agent.reason)}</b> for <${Ago} time=${agent.since} clock=${clock} />`],
    agent.next_presence && ["Then", presenceWords(agent.next_presence, agent.next_reason)],
    ["Phone", agent.reachable ? "reachable" : html`<b class="nophone">not reachable</b>${agent.unreachable_cause ? `: ${label(agent.unreachable_cause)}` : ""}`],
    agent.queue && ["Contact of", titles.get(agent.queue) ?? agent.queue],
    ["Today", `${agent.handled} handled, ${agent.missed} not answered, ${agent.declined} declined`],
    ["Avg. handling", agent.aht_seconds === null ? "–" : `${Math.round(agent.aht_seconds)} s (talk, hold and wrap-up)`],
    ["Occupancy", `${percent(agent.occupancy)} (busy of busy and ready; pauses are not counted)`],
  ];
  return html`<dl class="facts">${facts.filter(Boolean).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
