// The live link of a tab: one WebSocket, a snapshot, then what changed; it comes back by itself.
//
// Why: a screen must never show old numbers as if they were new. The link keeps the time of the
// last word from the server; while `stale` is set the clock stands still and the screen says so.
// Rows that did not change keep their identity.

import { signal } from "./vendor/signals.mjs";

const QUIET_MS = 3000; // the server pings every second; no word for so long: stale
const RETRY_MS = [200, 400, 800, 1500, 2500];
const DRIFT_MS = 2; // the clock's offset falls by this per message, so that one late message passes

/** Who is signed in: `{name, scope, agent, csrf, may, …}`; null until known. */
export const pass = signal(null);

/** May she do what the server asks `need` for? A `desk` is its agent's own, or a supervisor's. */
export function may(need, agent) {
  const met = pass.value?.may ?? [];
  return met.includes(need) && (need !== "desk" || met.includes("supervisor") || pass.value.agent === agent);
}

/** Learn who is signed in; go to the sign-in page when nobody is. Rejects when the server is away. */
export async function session() {
  const answer = await fetch("/api/v1/session", { credentials: "same-origin" });
  if (answer.status === 401) {
    location.replace(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    return new Promise(() => {});
  }
  if (!answer.ok) throw new Error(`Error ${answer.status}`);
  pass.value = await answer.json();
}

/** One topic's state and how fresh it is, as signals. */
class Link {
  constructor(topic) {
    this.topic = topic;
    this.state = signal(null); // the document; null until known
    this.clock = signal(0); // ms of the center's time, by whole seconds; stands still when stale
    this.since = signal(0); // ms of the last word, by this browser's clock
    this.down = signal(false); // connecting again
    this.stale = signal(false);
    this.refused = signal(""); // why the server does not show it, in words
    this.resume = {};
    this.tries = 0;
    this.offset = -Infinity;
  }

  async connect() {
    try {
      await session();
    } catch {
      this.again();
      return;
    }
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws`);
    socket.onopen = () => socket.send(JSON.stringify({ subscribe: [this.topic], resume: this.resume }));
    socket.onmessage = (event) => this.heard(JSON.parse(event.data));
    socket.onclose = () => this.again();
  }

  again() {
    this.down.value = true;
    setTimeout(() => this.connect(), RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)]);
    this.tries += 1;
  }

  heard(message) {
    this.tries = 0;
    this.since.value = Date.now();
    this.down.value = false;
    if (message.type === "hello") this.resume.server = message.server;
    else if (message.type === "error") this.refused.value = message.detail;
    else if (message.type === "snapshot") this.state.value = message.state;
    else if (message.type === "delta" && this.state.value) this.state.value = changed(this.state.value, message);
    if (message.seq !== undefined) this.resume[this.topic] = message.seq;
    const at = Date.parse(message.at ?? message.state?.at);
    if (at) this.offset = Math.max(this.offset - DRIFT_MS, at - Date.now());
    this.tick();
  }

  tick() {
    if (!this.since.value) return;
    this.stale.value = Date.now() - this.since.value > QUIET_MS;
    if (!this.stale.value) this.clock.value = Math.floor((Date.now() + this.offset) / 1000) * 1000;
  }
}

/** Follow `topic`: a `Link` that connects, and connects again, by itself. */
export function follow(topic) {
  const link = new Link(topic);
  setInterval(() => link.tick(), 250);
  link.connect();
  return link;
}

const keyOf = (row) => row.id ?? row.contact;

/** `state` after a delta: `set` whole parts, `put` rows, `drop` rows; the others stay what they are. */
export function changed(state, { at, set = {}, put = {}, drop = {} }) {
  const next = { ...state, ...set, at };
  for (const part of new Set([...Object.keys(put), ...Object.keys(drop)])) {
    const rows = new Map((state[part] ?? []).map((row) => [keyOf(row), row]));
    for (const row of put[part] ?? []) rows.set(keyOf(row), row);
    for (const key of drop[part] ?? []) rows.delete(key);
    next[part] = [...rows.values()];
  }
  return next;
}

/** Ask the API; with `body` as a change. Rejects with an Error whose text can be shown. */
export async function ask(path, body, method = body === undefined ? "GET" : "POST") {
  const options = { method, credentials: "same-origin", headers: {} };
  if (method !== "GET") {
    if (!pass.value) await session();
    options.headers = { "Content-Type": "application/json", "X-CSRF-Token": pass.value.csrf };
    options.body = JSON.stringify(body ?? {});
  }
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, options);
  } catch {
    throw new Error("The server does not answer. Nothing was changed; try again.");
  }
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(sentence(found.detail || found.title || `Error ${answer.status}`));
  if (found.accepted === false) throw new Error(sentence(found.reason || "That was refused"));
  return found;
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
