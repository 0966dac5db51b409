// Skill gaps of a queue: what its visits needed today, what nobody can serve, whom to train.

import { useState } from "./vendor/preact-hooks.mjs";
import { Reading, Trouble, useFound } from "./found.mjs";
import { html } from "./page.mjs";
import { clockTime, label } from "./words.mjs";

const NAMES_SHOWN = 5;

function Names({ agents, names, open }) {
  if (!agents.length) return html`<b class="bad">nobody</b>`;
  return html`${agents.slice(0, NAMES_SHOWN).map((agent, n) => html`${n > 0 && ", "}<button key=${agent} class="link-like" onClick=${() => open({ kind: "agent", agent })}>${names.get(agent) ?? agent}</button>`)}
    ${agents.length > NAMES_SHOWN && html`<span class="quiet"> and ${agents.length - NAMES_SHOWN} more</span>`}`;
}

const visits = (n) => `${n} ${n === 1 ? "visit" : "visits"}`;

function Gap({ gap, ...tools }) {
  return html`
    <li class="gap" data-skill=${gap.skill}>
      <p class="gap-head"><b>${label(gap.skill)} ${gap.level}</b>
        <span class=${gap.unserved ? "bad" : "quiet"}>${gap.unserved ? `${gap.unserved} of ${visits(gap.amount)}: nobody can serve` : `needed by ${visits(gap.amount)}`}</span></p>
      <dl><div><dt>Can</dt><dd><${Names} agents=${gap.able} ...${tools} /></dd></div>
        ${gap.trainees.length > 0 && html`<div><dt>Train first</dt><dd><${Names} agents=${gap.trainees} ...${tools} />${(gap.opened > 0 || gap.shared > 0) && html` <span class="quiet">– then ${[gap.opened > 0 && `${visits(gap.opened)} more could be served`, gap.shared > 0 && `the first could share ${visits(gap.shared)} with others`].filter(Boolean).join(", and ")}</span>`}</dd></div>`}</dl>
    </li>`;
}

/** The report of one queue. */
export function GapsView({ queue, ...tools }) {
  const [here, setHere] = useState(false);
  const [found, trouble] = useFound(`reports/skill-gaps?queue=${encodeURIComponent(queue.id)}&here=${here}`, here);
  const report = found?.queues[0];
  return html`
    <p class="formula">What today's visits needed, beside what the agents can now. What nobody can serve stands first; then what most visits needed.</p>
    <label class="check"><input type="checkbox" checked=${here} onChange=${(event) => setHere(event.target.checked)} /> Count only who is logged in</label>
    <div aria-live="polite">${trouble ? html`<${Trouble} words=${trouble} />` : !report ? html`<${Reading} />` : html`
      <p class="quiet">${visits(report.visits)} today, at ${clockTime(found.at)}.</p>
      ${report.gaps.length ? html`<ul class="gaps">${report.gaps.map((gap) => html`<${Gap} key=${`${gap.skill} ${gap.level}`} gap=${gap} ...${tools} />`)}</ul>`
        : html`<p class="empty">Nothing here needs a skill.</p>`}`}</div>`;
}
