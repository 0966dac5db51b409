// What is done for an agent: her state, her skills by hand, her trainings.

import { useEffect, useState } from "./vendor/preact-hooks.mjs";
import { ActForm, Do, Outcome, useAct } from "./acts.mjs";
import { dayWords, skillOf } from "./certificates.mjs";
import { Reading, Trouble, useFound } from "./found.mjs";
import { may } from "./live.mjs";
import { html } from "./page.mjs";
import { label, presenceWords } from "./words.mjs";

const PROFICIENCY_MAX = 10;
const AT_WORK = new Set(["reserved", "talking", "wrap_up"]);
const ID = "[A-Za-z0-9][A-Za-z0-9_.\\-]*";

const address = (agent) => `agents/${encodeURIComponent(agent.id)}`;

/** Her state; during a contact what comes after it. */
export function StateActs({ agent, reasons }) {
  const [said, act] = useAct();
  if (!may("desk", agent.id)) return null;
  const working = AT_WORK.has(agent.presence);
  const [presence, reason] = working ? [agent.next_presence || "ready", agent.next_reason] : [agent.presence, agent.reason];
  const choices = [["ready", ""], ...reasons.map((one) => ["not_ready", one]), ["logged_out", ""]];
  const be = (to, why) => act({
    doing: "Asking …", done: `${presenceWords(to, why)}${working ? ", after this contact" : ""}.`,
    path: `${address(agent)}/presence`, body: { presence: to, reason: why },
  });
  return html`
    <section class="acts" data-acts="state" aria-label="State">
      <h3>${working ? "After this contact" : "State"}</h3>
      <div class="row">${choices.map(([to, why]) => html`
        <${Do} key=${`${to} ${why}`} pending=${said.pending} data-presence=${to} data-reason=${why}
          aria-pressed=${presence === to && (to !== "not_ready" || reason === why)} onClick=${() => be(to, why)}>${why ? label(why) : to === "ready" ? "Ready" : "Log out"}<//>`)}
        <${Outcome} said=${said} /></div>
    </section>`;
}

/** Levels that somebody is about to set. One is forgotten as soon as it is what was set. */
function useDrafts(byHand) {
  const [drafts, setDrafts] = useState({});
  useEffect(() => {
    setDrafts((old) => Object.fromEntries(Object.entries(old).filter(([skill, level]) => Number(level) !== byHand[skill])));
  }, [JSON.stringify(byHand)]);
  const change = (skill, level, now) => setDrafts(({ [skill]: _, ...others }) =>
    (level !== "" && Number(level) === now ? others : { ...others, [skill]: level }));
  return [drafts, change, () => setDrafts({})];
}

function SkillLine({ skill, found, draft, onDraft }) {
  return html`
    <tr data-skill=${skill}>
      <td>${label(skill)}</td>
      <td class="num"><b>${found.level || "–"}</b></td>
      <td class=${found.tone}>${found.words}</td>
      ${onDraft && html`<td class="num"><input class=${`short ${draft === undefined ? "" : "changed"}`} type="number" aria-label=${`${label(skill)}, by hand`} required min="0" max=${PROFICIENCY_MAX} step="1"
        value=${draft ?? found.level} onInput=${(event) => onDraft(skill, event.target.value, found.level)} /></td>`}
    </tr>`;
}

/** What she can now and why; a supervisor changes it by hand. */
export function Skills({ agent, skills, clock }) {
  const [said, act] = useAct();
  const [drafts, setDraft, forget] = useDrafts(agent.by_hand);
  const changes = may("supervisor");
  const hers = [...Object.keys(agent.skills), ...Object.keys(agent.by_hand), ...agent.certificates.map((one) => one.skill)];
  const shown = [...new Set([...(changes ? skills : []), ...hers])].sort();
  const byHand = Object.keys(agent.by_hand).length > 0;
  const put = (body, doing, done) => act({ doing, done, path: `${address(agent)}/skills`, body: { skills: body }, method: "PUT" });
  const set = (event) => {
    event.preventDefault();
    if (!Object.keys(drafts).length) return;
    const changed = Object.fromEntries(Object.entries(drafts).map(([skill, level]) => [skill, Number(level)]));
    put({ ...agent.by_hand, ...changed }, "Setting them …", "Set; they count at once.");
  };
  const undo = async () => {
    if (byHand && await put({}, "Undoing …", "As configured and trained again.")) forget();
  };
  return html`
    <form class="acts" data-acts="skills" aria-label="Skills" onSubmit=${set}>
      <h3>Skills</h3>
      ${shown.length ? html`
        <table class="skills">
          <thead><tr><th>Skill</th><th class="num">Now</th><th>Why</th>${changes && html`<th class="num">By hand</th>`}</tr></thead>
          <tbody>${shown.map((skill) => html`<${SkillLine} key=${skill} skill=${skill} found=${skillOf(agent, skill, clock.value)} draft=${drafts[skill]} onDraft=${changes ? setDraft : undefined} />`)}</tbody>
        </table>` : html`<p class="empty">None.</p>`}
      ${changes && html`
        <div class="row"><${Do} pending=${said.pending || !Object.keys(drafts).length}>Set<//>
          <button type="button" aria-disabled=${byHand && !said.pending ? "false" : "true"} onClick=${undo}>Undo what was set by hand</button>
          <span class="quiet">0 takes a skill away.</span><${Outcome} said=${said} /></div>`}
    </form>`;
}

function TrainingList({ list }) {
  if (!list.length) return html`<p class="empty">None recorded.</p>`;
  return html`
    <table>
      <thead><tr><th>Date</th><th>Course</th><th>Result</th><th>Granted</th><th class="hide-small">Trainer</th></tr></thead>
      <tbody>${list.map((one, n) => html`
        <tr key=${`${one.recorded} ${n}`}><td>${one.date}</td><td>${one.course}</td><td>${one.passed ? "passed" : "not passed"}</td>
          <td>${one.skill && one.passed ? `${label(one.skill)} ${one.level}${one.expires ? `, until ${dayWords(one.expires)}` : ""}` : "–"}</td>
          <td class="hide-small">${one.trainer}</td></tr>`)}
      </tbody>
    </table>`;
}

const today = () => new Date().toLocaleDateString("sv"); // YYYY-MM-DD, in this browser's zone
const EMPTY = { course: "", trainer: "", passed: "yes", skill: "", level: "5", expires: "" };

/** To the end of the day `date` in this browser's zone. */
const endOf = (date) => (date ? new Date(`${date}T23:59:59`).toISOString() : null);

function Recording({ agent, skills, recorded }) {
  const [draft, setDraft] = useState({ ...EMPTY, date: today() });
  const passed = draft.passed === "yes";
  const field = (name) => ({ name, value: draft[name], onInput: (event) => setDraft((old) => ({ ...old, [name]: event.target.value })) });
  const granted = passed && draft.skill ? { skill: draft.skill, level: Number(draft.level), expires: endOf(draft.expires) } : {};
  const begin = async (act) => {
    const { course, trainer, date } = draft;
    const done = await act({ doing: "Recording it …", done: `Recorded ${course}.`, path: `${address(agent)}/trainings`, body: { course, trainer, date, passed, ...granted } });
    if (!done) return;
    setDraft((old) => ({ ...EMPTY, trainer: old.trainer, date: old.date }));
    recorded();
  };
  return html`
    <details class="recording"><summary>Record a training</summary>
      <${ActForm} name="training" words="" button="Record" begin=${begin}>
        <label>Course<input ...${field("course")} required pattern=${ID} maxlength="64" autocomplete="off" title="An id: letters, digits, - _ ." /></label>
        <label>Trainer<input ...${field("trainer")} required pattern=${ID} maxlength="64" autocomplete="off" title="An id, never a name" /></label>
        <label>Date<input ...${field("date")} type="date" required /></label>
        <label>Result<select ...${field("passed")}><option value="yes">passed</option><option value="no">not passed</option></select></label>
        ${passed && html`<label>Grants<select ...${field("skill")}><option value="">no skill</option>${skills.map((one) => html`<option key=${one} value=${one}>${label(one)}</option>`)}</select></label>`}
        ${passed && draft.skill && html`
          <label>Level<input ...${field("level")} type="number" min="1" max=${PROFICIENCY_MAX} required /></label>
          <label>Valid until<input ...${field("expires")} type="date" title="Empty: for ever" /></label>`}
      <//>
    </details>`;
}

/** Her trainings, the newest first; a supervisor records one. */
export function Trainings({ agent, skills }) {
  const [count, setCount] = useState(0);
  const mine = may("desk", agent.id);
  if (!mine) return null;
  return html`
    <section class="acts" data-acts="trainings" aria-label="Trainings">
      <h3>Trainings</h3>
      <${TrainingsFound} agent=${agent} pulse=${`${count} ${JSON.stringify(agent.certificates)}`} />
      ${may("supervisor") && html`<${Recording} agent=${agent} skills=${skills} recorded=${() => setCount((n) => n + 1)} />`}
    </section>`;
}

function TrainingsFound({ agent, pulse }) {
  const [found, trouble] = useFound(`${address(agent)}/trainings`, pulse);
  if (trouble) return html`<${Trouble} words=${trouble} />`;
  return found ? html`<${TrainingList} list=${found.trainings} />` : html`<${Reading} />`;
}
