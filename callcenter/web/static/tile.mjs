// One queue on the wall: now, today, and who serves it.

import { LEVELS, alarmsOf, longestWait, staffOf, worst } from "./alarms.mjs";
import { html } from "./page.mjs";
import { doorWords } from "./queue_acts.mjs";
import { percent, seconds, span, waitRange } from "./words.mjs";

/** A number that opens to what is behind it. */
function Figure({ name, value, label, level = "good", onOpen }) {
  return html`
    <button class=${`figure ${level}`} data-figure=${name} onClick=${onOpen}>
      <b>${value}</b><span>${label}</span>
    </button>`;
}

const STAFF = [
  ["available", "free", "ready"], ["reserved", "ringing", "reserved"], ["talking", "talking", "talking"],
  ["wrap_up", "wrap-up", "wrap_up"], ["not_ready", "not ready", "not_ready"], ["unreachable", "no phone", "nophone"],
];

/** How many agents are in each state. Who is ready without a phone is not free. */
function Staff({ agents, onOpen }) {
  const count = (key) => agents[key] ?? 0;
  const shares = { ...agents, unreachable: count("ready") - count("available") };
  return html`
    <button class="staff" data-figure="staff" onClick=${onOpen} aria-label="Agents who serve this queue">
      <span class="shares" aria-hidden="true">${STAFF.filter(([key]) => shares[key] > 0).map(([key, , tone]) =>
        html`<i key=${key} class=${tone} style=${{ flexGrow: shares[key] }}></i>`)}</span>
      <span class="counts">${STAFF.filter(([key]) => count(key) || key === "available").map(([key, words, tone]) =>
        html`<span key=${key} class=${tone}><b>${count(key)}</b> ${words}</span>`)}</span>
    </button>`;
}

/** How the queue does, in words. A queue that nobody works on is neither good nor bad while it is empty. */
function Level({ queue, alarms, level }) {
  if (!alarms.length && !staffOf(queue)) return html`<p class="level quiet">Nobody logged in</p>`;
  return html`<p class=${`level ${level}`}><b>${LEVELS[level]}</b>${alarms.length > 0 && html` <span>${alarms[0].words}</span>`}</p>`;
}

/** What somebody did by hand, and a closed door. */
function Signs({ queue }) {
  const signs = [(queue.door || !queue.open) && ["door", queue.door ? "hand" : "", doorWords(queue)], queue.announcement && ["announcement", "told", "announcement on"]];
  return html`<ul class="signs">${signs.filter(Boolean).map(([sign, tone, words]) => html`<li key=${sign} class=${tone} data-sign=${sign}>${words}</li>`)}</ul>`;
}

/** The tile. `open(view)` shows what is behind a number. */
export function Tile({ queue, clock, open }) {
  const now = clock.value;
  const alarms = alarmsOf(queue, now);
  const level = worst(alarms);
  const of = (figure) => alarms.find((alarm) => alarm.figure === figure)?.level;
  const show = (figure) => () => open({ kind: "figure", queue: queue.id, figure });
  return html`
    <section class=${`tile ${level}`} data-queue=${queue.id} aria-label=${queue.title}>
      <h2><button class="link-like" data-queue-sheet=${queue.id} onClick=${() => open({ kind: "queue", queue: queue.id })}>${queue.title}</button></h2>
      <${Signs} queue=${queue} />
      <${Level} queue=${queue} alarms=${alarms} level=${level} />
      <div class="big">
        <${Figure} name="waiting" value=${queue.waiting} label="waiting" level=${of("waiting")} onOpen=${show("waiting")} />
        <${Figure} name="longest" value=${queue.waiting ? span(longestWait(queue, now)) : "–"} label="longest wait" level=${of("wait")} onOpen=${show("waiting")} />
        <${Figure} name="service" value=${percent(queue.service_level)} level=${of("service")}
          label=${`SL ${queue.target_percent} % in ${queue.target_seconds} s`} onOpen=${show("service")} />
      </div>
      <div class="small">
        <${Figure} name="answered" value=${queue.answered} label="answered" onOpen=${show("answered")} />
        <${Figure} name="abandoned" value=${queue.abandoned} label="abandoned" onOpen=${show("abandoned")} />
        <${Figure} name="asa" value=${seconds(queue.asa_seconds)} label="avg. answer" onOpen=${show("asa")} />
        <${Figure} name="occupancy" value=${percent(queue.occupancy)} label="occupancy" onOpen=${show("occupancy")} />
      </div>
      <div class="ahead">
        <${Figure} name="expected" value=${waitRange(queue.expected_wait_seconds, queue.promised_wait_seconds)} label="wait of who calls now" onOpen=${show("expected")} />
      </div>
      <${Staff} agents=${queue.agents} onOpen=${show("staff")} />
    </section>`;
}
