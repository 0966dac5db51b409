// Skills and certificates in words: what counts now and why, what ends soon, what has ended.

import { html } from "./page.mjs";
import { label } from "./words.mjs";

const DAY_MS = 86_400_000;

/** A day as people write it. */
export const dayWords = (time) => new Date(time).toLocaleDateString([], { day: "numeric", month: "short", year: "numeric" });

/** How long until `time` (RFC 3339) from `now` (ms): `today`, `in 12 days`. */
export function inDays(time, now) {
  const days = Math.floor((Date.parse(time) - now) / DAY_MS);
  return days < 1 ? "within a day" : `in ${days} ${days === 1 ? "day" : "days"}`;
}

/** A certificate in words. */
export function certificateWords(one, now) {
  if (one.state === "expired") return `certificate expired ${dayWords(one.expires)}`;
  if (one.state === "expiring") return `trained; expires ${inDays(one.expires, now)}, ${dayWords(one.expires)}`;
  return one.expires ? `trained, until ${dayWords(one.expires)}` : "trained";
}

/** What an agent can in a skill at `now`, and why: `{level, words, tone}`. */
export function skillOf(agent, skill, now) {
  const level = agent.skills[skill] ?? 0;
  const certificate = agent.certificates.find((one) => one.skill === skill);
  const hand = agent.by_hand[skill];
  const parts = [];
  if (hand === 0) parts.push("taken away by hand");
  else if (hand !== undefined) parts.push(level ? "by hand" : `by hand ${hand}, does not count without a certificate`);
  if (certificate) parts.push(certificateWords(certificate, now));
  if (!parts.length) parts.push(level ? "as configured" : "");
  return { level, words: parts.join("; "), tone: { expired: "bad", expiring: "warn" }[certificate?.state] ?? "quiet" };
}

/** Certificates that have ended or end within 30 days, the worst first: `[{agent, certificate}]`. */
export function ending(agents) {
  return agents
    .flatMap((agent) => agent.certificates.filter((one) => one.state !== "valid").map((certificate) => ({ agent, certificate })))
    .sort((a, b) => Date.parse(a.certificate.expires) - Date.parse(b.certificate.expires));
}

/** The alarm line: `{level, words}`; null when nothing ends. */
export function certificateAlarm(agents) {
  const found = ending(agents);
  const expired = found.filter(({ certificate }) => certificate.state === "expired").length;
  const soon = found.length - expired;
  if (!found.length) return null;
  const words = [expired && `${expired} expired`, soon && `${soon} ${soon === 1 ? "expires" : "expire"} within 30 days`].filter(Boolean).join(", ");
  return { level: expired ? "warn" : "note", words };
}

/** The dialog behind the alarm line. */
export function Certificates({ agents, clock, open }) {
  const found = ending(agents);
  if (!found.length) return html`<p class="empty">No certificate has expired, and none does within 30 days.</p>`;
  return html`
    <table>
      <thead><tr><th>Agent</th><th>Skill</th><th>Certificate</th></tr></thead>
      <tbody>${found.map(({ agent, certificate }) => html`
        <tr key=${`${agent.id} ${certificate.skill}`} data-certificate=${certificate.state}>
          <td><button class="link-like" onClick=${() => open({ kind: "agent", agent: agent.id })}>${agent.name}</button></td>
          <td>${label(certificate.skill)} ${certificate.level}</td>
          <td class=${certificate.state === "expired" ? "bad" : "warn"}>${certificateWords(certificate, clock.value)}</td></tr>`)}
      </tbody>
    </table>`;
}
