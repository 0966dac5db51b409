// Where it burns: each queue's figures beside their thresholds, and the center's own health.
//
// Why: one place decides what is a warning and what is critical, and says it in words, so that
// colour never stands alone and the sentence at the top agrees with the tile below.

import { ago, percent, span } from "./words.mjs";

export const LEVELS = { good: "OK", warn: "Warning", bad: "Critical" };
const RANK = { good: 0, warn: 1, bad: 2 };

/** A service level under this share of its goal is critical while somebody waits. */
export const CRITICAL_SHARE = 0.7;
/** With fewer calls today a service level says nothing yet. */
export const CALLS_MIN = 5;

/** The calls a queue's service level is made of. */
export const counted = (queue) => queue.answered + queue.abandoned - queue.short_abandoned;

/** The longest wait of a queue at `now` (ms), in seconds. */
export const longestWait = (queue, now) => (queue.waiting ? ago(queue.oldest_since, now) : 0);

const over = (value, warn, critical) => (value >= critical ? "bad" : value >= warn ? "warn" : "good");

function waitAlarm(queue, now) {
  const { longest_wait_warn_seconds: warn, longest_wait_critical_seconds: critical } = queue.thresholds;
  const level = over(longestWait(queue, now), warn, critical);
  return { figure: "wait", level, words: `longest wait over ${span(level === "bad" ? critical : warn)}` };
}

function waitingAlarm(queue) {
  const { waiting_warn: warn, waiting_critical: critical } = queue.thresholds;
  const level = over(queue.waiting, warn, critical);
  return { figure: "waiting", level, words: `${level === "bad" ? critical : warn} or more waiting` };
}

/** The day's service level. While nobody waits it is a warning at most: nothing burns. */
function serviceAlarm(queue) {
  const goal = queue.target_percent / 100;
  const known = queue.service_level !== null && counted(queue) >= CALLS_MIN;
  const level = !known || queue.service_level >= goal ? "good"
    : queue.waiting && queue.service_level < goal * CRITICAL_SHARE ? "bad" : "warn";
  return { figure: "service", level, words: `service level under ${percent(level === "bad" ? goal * CRITICAL_SHARE : goal)}` };
}

/** How many of the agents who can serve a queue are logged in. */
export function staffOf(queue) {
  const { not_ready: away, ready, reserved, talking, wrap_up: wrapping } = queue.agents;
  return away + ready + reserved + talking + wrapping;
}

/** Somebody waits and nobody can be expected to come. */
function staffAlarm(queue) {
  const { available, reserved, talking, wrap_up: wrapping } = queue.agents;
  const coming = available + reserved + talking + wrapping;
  const words = staffOf(queue) ? "nobody is ready to take a call" : "nobody is logged in";
  return { figure: "staff", level: queue.waiting && !coming ? "bad" : "good", words };
}

/** What is wrong with a queue at `now` (ms), worst first: `[{figure, level, words}]`. */
export function alarmsOf(queue, now) {
  return [waitAlarm(queue, now), waitingAlarm(queue), staffAlarm(queue), serviceAlarm(queue)]
    .filter((alarm) => alarm.level !== "good")
    .sort((a, b) => RANK[b.level] - RANK[a.level]);
}

/** The worst level among alarms. */
export const worst = (alarms) => alarms.reduce((a, b) => (RANK[b.level] > RANK[a] ? b.level : a), "good");

/** What is wrong with the center itself, in words. */
export function troubles(state) {
  const found = [];
  if (state.stale_since) found.push("The store is away: no new calls are taken");
  else if (!state.control.alive) found.push("No control center: nobody is being offered calls");
  else if (state.control_lag_seconds > 0.5) found.push("The control center is behind: offers come late");
  for (const owner of state.frontends ?? []) {
    if (!owner.alive && owner.contacts) found.push(`Front end ${owner.id} is lost with ${owner.contacts} calls`);
  }
  return found;
}
