// The desk's centre: the call with all that is known of it, and the work after it.

import { useState } from "./vendor/preact-hooks.mjs";
import { OutsideTargets } from "./desk_dial.mjs";
import { useFound } from "./found.mjs";
import { Ago, html } from "./page.mjs";
import { PRESENCE, ago, attribute, label, span } from "./words.mjs";

/** What the contact was; one press files it, another press changes it. */
function Dispositions({ segment, choices, chosen, busy, file }) {
  if (!choices.length) return null;
  return html`
    <fieldset class="choices"><legend>What was it?</legend>
      ${choices.map((choice, n) => html`
        <button key=${choice} aria-pressed=${choice === chosen} disabled=${busy} data-disposition=${choice}
          onClick=${() => file(segment, choice)}>${label(choice)}${n < 9 && html` <kbd>${n + 1}</kbd>`}</button>`)}
    </fieldset>`;
}

function Facts({ facts }) {
  return html`<dl class="facts">${facts.filter(([, value]) => value).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function Customer({ customer }) {
  const { name, number, tier, language, region, fields } = customer;
  return html`
    <div class="customer"><h3>Customer</h3>
      <${Facts} facts=${[["Name", name], ["Number", number], ["Tier", tier && label(tier)], ["Language", attribute("language", language)], ["Region", region],
        ...Object.entries(fields).map(([key, value]) => [label(key), value])]} />
    </div>`;
}

/** Yes or no to what she is offered: yes only while nothing rings yet, no as long as she has not picked up. */
function Answers({ call, clock, busy, take, pass }) {
  const looking = Boolean(call.preview_until);
  const left = looking ? Math.max(0, (Date.parse(call.preview_until) - clock.value) / 1000) : 0;
  const whole = looking ? ago(call.since, Date.parse(call.preview_until)) : 1;
  return html`
    ${looking && html`
      <p class="notice" role="timer">${span(Math.ceil(left))} to decide. Then ${call.accepts_itself ? "it is yours" : "somebody else is asked, and you are not ready"}.</p>
      <progress max=${whole} value=${left} aria-label="Time left to decide"></progress>`}
    ${!looking && html`<p class="notice">Pick up your phone: it shows ${call.queue_title}.</p>`}
    <div class="answers">
      ${looking && html`<button class="main" id="accept" disabled=${busy} onClick=${() => take(call.offer)}>Accept <kbd>A</kbd></button>`}
      ${call.offer && html`<button id="decline" disabled=${busy} onClick=${() => pass(call.offer)}>Decline <kbd>X</kbd></button>`}
    </div>`;
}

/** Whom she may ask, or hand her caller on to; a part of a name finds more. */
function Targets({ agent, dials, duty, busy, act, close }) {
  const [find, setFind] = useState("");
  const [found, trouble] = useFound(`agents/${encodeURIComponent(agent.id)}/call/targets?find=${encodeURIComponent(find)}`, agent.contact);
  const to = (what, target) => act(what, target.agent ? { agent: target.agent } : { queue: target.queue }).then(close);
  return html`
    <fieldset class="choices transfer" id="transfer-to"><legend>Hand on to, or ask</legend>
      <input type="search" aria-label="Find an agent or a queue" placeholder="Name of an agent or a queue" value=${find} onInput=${(event) => setFind(event.target.value)} />
      ${trouble && html`<p class="notice bad">${trouble}</p>`}
      ${found && !found.targets.length && html`<p class="empty">Nobody of that name is there.</p>`}
      ${found?.targets.map((target) => html`
        <div class="target" key=${target.agent || `queue ${target.queue}`}>
          <span>${target.title} <small>${target.agent ? PRESENCE[target.state].toLowerCase() : "queue"}</small></span>
          ${target.agent && html`<button disabled=${busy || target.state !== "ready"} data-ask=${target.agent} onClick=${() => to("consult", target)}>Ask</button>`}
          <button disabled=${busy} data-target=${target.agent || target.queue} onClick=${() => to("transfer", target)}>Hand on</button>
        </div>`)}
      <${OutsideTargets} dials=${dials} duty=${duty} busy=${busy} act=${act} close=${close} />
      <button class="plain" onClick=${close}>Not now</button>
    </fieldset>`;
}

/** What she does with her caller and the colleague whom she asked. */
function ColleagueKeys({ call, busy, act }) {
  const Key = ({ what, words, tone = "" }) => html`<button class=${tone} disabled=${busy} id=${what} onClick=${() => act(what, {})}>${words}</button>`;
  const ringing = call.colleague_state === "ringing";
  return html`
    <div class="keys" id="call-keys">
      <p class="notice" id="colleague">${ringing ? `Rings at ${call.colleague}; the caller hears music.` : call.conference ? `${call.colleague}, the caller and you hear each other.` : call.held ? `You talk with ${call.colleague}; the caller hears music.` : `You talk with the caller; ${call.colleague} hears music.`}</p>
      ${!ringing && html`
        <${Key} what="swap" words=${call.conference || !call.held ? `Only ${call.colleague}` : "Only the caller"} />
        ${!call.conference && html`<${Key} what="conference" words="All together" />`}
        <${Key} what="complete" words="Leave them together" tone="main" />`}
      <${Key} what="consult-end" words=${`Let ${call.colleague} go`} />
    </div>`;
}

/** What she does with her call, without another phone. */
function CallKeys({ call, agent, dials, duty, busy, act }) {
  const [handing, setHanding] = useState(false);
  if (call.asked) return html`<div class="keys" id="call-keys"><p class="notice" id="colleague">${call.colleague} asked you${call.conference ? "; all of you hear each other" : ""}.</p></div>`;
  if (call.colleague) return html`<${ColleagueKeys} call=${call} busy=${busy} act=${act} />`;
  return html`
    <div class="keys" id="call-keys">
      <button disabled=${busy} id="hold" aria-pressed=${call.held} onClick=${() => act(call.held ? "resume" : "hold", {})}>${call.held ? "Take back" : "Hold"}</button>
      <button disabled=${busy} id="transfer" aria-expanded=${handing} onClick=${() => setHanding(!handing)}>Transfer or ask</button>
      <button class="bad" disabled=${busy} id="hang-up" onClick=${() => act("hang-up", {})}>Hang up</button>
    </div>
    ${handing && html`<${Targets} agent=${agent} dials=${dials} duty=${duty} busy=${busy} act=${act} close=${() => setHanding(false)} />`}`;
}

/** The call that she is offered, or that she has. */
export function CallCard({ id = "call", call, ringing, agent, dials, duty, clock, busy, file, take, pass, act }) {
  const asks = call.colleague && !call.asked;
  const held = call.held && !asks && !call.asked;
  const state = call.preview_until ? "Offered" : ringing ? "Ringing" : held ? "On hold" : "Talking";
  const tone = ringing ? "reserved" : held ? "held" : "talking";
  return html`
    <section class=${`pane call ${tone}`} id=${id} data-contact=${call.contact} data-offer=${call.offer} aria-label="The call">
      <p class="headline" role="status"><b class="state">${state}</b>
        <span class="time"><${Ago} time=${call.since} clock=${clock} /></span></p>
      <p class="who" id="caller">${call.customer?.name || call.caller || "Unknown caller"}</p>
      <p class="what">${call.customer?.name && call.caller ? html`<span>${call.caller}</span>` : ""}<span id="queue">${call.queue_title}</span><span>waited ${span(call.waited_seconds)}</span></p>
      ${ringing && call.callback && html`<p class="notice">A callback: when you have answered, the customer is called.</p>`}
      ${ringing && call.calls && html`<p class="notice" id="calls">Your call: pick up your phone if it rings, then the number is called.</p>`}
      ${ringing && !call.calls && html`<${Answers} call=${call} clock=${clock} busy=${busy} take=${take} pass=${pass} />`}
      ${state === "On hold" && html`<p class="notice">On hold: the other side hears music.</p>`}
      ${!ringing && call.channel === "voice" && html`<${CallKeys} call=${call} agent=${agent} dials=${dials} duty=${duty} busy=${busy} act=${act} />`}
      <${Facts} facts=${Object.entries(call.attributes).map(([name, value]) => [label(name), label(attribute(name, value))])} />
      ${call.customer && html`<${Customer} customer=${call.customer} />`}
      ${!ringing && html`<${Dispositions} segment=${call.segment} choices=${call.dispositions} chosen=${call.disposition} busy=${busy} file=${file} />`}
    </section>`;
}

function Countdown({ work, clock }) {
  const whole = ago(work.since, Date.parse(work.until));
  const left = Math.max(0, whole - ago(work.since, clock.value));
  return html`
    <p class="headline" role="timer"><b class="state">Wrap-up</b> <span class="time">${span(Math.ceil(left))} left</span></p>
    <progress max=${whole} value=${left} aria-label="Time left for wrap-up"></progress>`;
}

/** The work after a call, and afterwards the last call as long as it can still be filed. */
export function WrapUpCard({ work, clock, busy, file, done }) {
  return html`
    <section class=${`pane call ${work.open ? "wrap_up" : ""}`} id="wrap-up" data-segment=${work.segment} aria-label="After the call">
      ${work.open ? html`<${Countdown} work=${work} clock=${clock} />` : html`<h2>Last call</h2>`}
      <p class="what"><span>${work.queue_title}</span>${work.disposition ? html`<span>filed as <b>${label(work.disposition)}</b></span>` : html`<span>not filed yet</span>`}</p>
      <${Dispositions} segment=${work.segment} choices=${work.dispositions} chosen=${work.disposition} busy=${busy} file=${file} />
      ${work.open && html`<button class="main" id="done" disabled=${busy} onClick=${() => done(work.segment)}>I am done <kbd>D</kbd></button>`}
    </section>`;
}
