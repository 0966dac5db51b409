// The desk: one agent's state, her call, the work after it, her phone and her day.
//
// Why: she looks here while a caller listens. What to do next is the largest thing on the page;
// a wish that cannot be met is answered with the center's own words.

import { render } from "./vendor/preact.mjs";
import { useEffect } from "./vendor/preact-hooks.mjs";
import { signal } from "./vendor/signals.mjs";
import { troubles } from "./alarms.mjs";
import { CallCard, WrapUpCard } from "./desk_call.mjs";
import { DialPane } from "./desk_dial.mjs";
import { ChatsPane, unread } from "./desk_chats.mjs";
import { DocumentsPane, times } from "./desk_documents.mjs";
import { FaxesPane } from "./desk_faxes.mjs";
import { useFound } from "./found.mjs";
import { ask, follow } from "./live.mjs";
import { Ago, LinkSign, StaleStamp, ThemeButton, html, onKeys, usePainted } from "./page.mjs";
import { PRESENCE, clockTime, label, percent, plain, seconds } from "./words.mjs";

const wanted = new URLSearchParams(location.search).get("agent");
const link = follow(wanted ? `desk:${wanted}` : "desk");
const trouble = signal("");
const busy = signal(false);
const AT_WORK = new Set(["reserved", "talking", "wrap_up"]);

/** Do what the agent asked for; what goes wrong is said in words. Was it done? */
async function act(path, body, method) {
  busy.value = true;
  try {
    await ask(path, body, method);
    trouble.value = "";
  } catch (error) {
    trouble.value = error.message;
  }
  busy.value = false;
  return !trouble.value;
}

const me = () => encodeURIComponent(link.state.value.agent.id);
const be = (presence, reason = "") => act(`agents/${me()}/presence`, { presence, reason });
const done = (segment) => act(`agents/${me()}/wrap-up/end`, { segment });
const take = (offer) => act(`offers/${encodeURIComponent(offer)}/answer`, { accept: true });
const pass = (offer) => act(`offers/${encodeURIComponent(offer)}/answer`, { accept: false });
const onCall = (what, body) => act(`agents/${me()}/call/${what}`, body);
const file = (segment, disposition) => act(`segments/${encodeURIComponent(segment)}/disposition`, { disposition });

async function leave() {
  await act("session", {}, "DELETE");
  location.assign("/login");
}

/** What she is now, and since when. */
function Now({ agent }) {
  const next = AT_WORK.has(agent.presence) && agent.next_presence;
  return html`
    <div class=${`now ${agent.presence}`} role="status">
      <b class="state" id="presence">${PRESENCE[agent.presence]}</b>
      <span class="time"><${Ago} time=${agent.since} clock=${link.clock} /></span>
      ${agent.reason && html`<span class="why">${label(agent.reason)}</span>`}
      ${next && html`<span class="why" id="next">then ${plain(agent.next_reason) || PRESENCE[agent.next_presence].toLowerCase()}</span>`}
    </div>`;
}

/** The state buttons. During work they say what comes after it. */
function States({ agent, reasons }) {
  const working = AT_WORK.has(agent.presence);
  const current = working ? [agent.next_presence || "ready", agent.next_reason] : [agent.presence, agent.reason];
  const pressed = (presence, reason = "") => current[0] === presence && (presence !== "not_ready" || current[1] === reason);
  const State = ({ presence, reason = "", words, hint, tone = "" }) => html`
    <button class=${tone} aria-pressed=${pressed(presence, reason)} disabled=${busy.value} data-presence=${presence} data-reason=${reason}
      onClick=${() => be(presence, reason)}>${words}${hint && html` <kbd>${hint}</kbd>`}</button>`;
  return html`
    <section class="pane states" aria-label="My state">
      <${Now} agent=${agent} />
      <h2>${working ? "After this" : "Change to"}</h2>
      <${State} presence="ready" words="Ready" hint="R" tone="main" />
      <div class="pair">${reasons.map((reason) => html`<${State} key=${reason} presence="not_ready" reason=${reason} words=${label(reason)} />`)}</div>
      <${State} presence="logged_out" words="Log out of the queues" tone="plain" />
    </section>`;
}

/** Whether calls can reach her, and what to do when they cannot. */
function PhoneCard({ agent, sip }) {
  const server = sip.startsWith(":") ? location.hostname + sip : sip;
  if (agent.reachable) return html`<section class="pane" id="phone"><h2>Phone</h2><p class="good">Reachable</p></section>`;
  return html`
    <section class="pane" id="phone">
      <h2>Phone</h2>
      <p class="notice bad">Your phone is not reachable, so no call can come${agent.unreachable_cause ? ` (${label(agent.unreachable_cause).toLowerCase()})` : ""}.</p>
      <ol>
        <li>Open your softphone, or look whether it says “registered”.</li>
        <li>Account: user <b>${agent.id}</b>, server <b id="sip">${server}</b>, with your phone password.</li>
        <li>Still nothing: restart it, then ask your supervisor. This card changes by itself as soon as the phone is heard.</li>
      </ol>
    </section>`;
}

function Today({ agent }) {
  const numbers = [[agent.handled, "handled"], [agent.missed, "not answered"], [agent.declined, "declined"], [seconds(agent.aht_seconds), "avg. handling"], [percent(agent.occupancy), "occupancy"]];
  return html`
    <section class="pane" id="today"><h2>My day</h2>
      <dl class="numbers">${numbers.map(([value, words]) => html`<div key=${words}><dd>${value}</dd><dt>${words}</dt></div>`)}</dl>
    </section>`;
}

function Queues({ queues }) {
  return html`
    <section class="pane" id="queues"><h2>My queues</h2>
      <table>
        <thead><tr><th>Queue</th><th class="num">Waiting</th><th class="num">Longest</th></tr></thead>
        <tbody>${queues.map((queue) => html`
          <tr key=${queue.id}><td>${queue.title}</td><td class="num"><b>${queue.waiting}</b></td>
            <td class="num">${queue.waiting ? html`<${Ago} time=${queue.oldest_since} clock=${link.clock} />` : "–"}</td></tr>`)}
        </tbody>
      </table>
    </section>`;
}

/** Calls that wait or ring at colleagues: one press and they ring here. */
function PickUp({ agent, queues }) {
  const waiting = queues.map((queue) => `${queue.id} ${queue.waiting} ${queue.oldest_since}`).join();
  const [found] = useFound(`agents/${encodeURIComponent(agent.id)}/call/waiting`, waiting);
  if (agent.presence !== "ready" || !found?.calls.length) return null;
  return html`
    <section class="pane" id="pick-up"><h2>Pick up</h2>
      ${found.calls.map((call) => html`
        <button key=${call.contact} disabled=${busy.value} data-pick=${call.contact} onClick=${() => onCall("pick-up", { contact: call.contact })}>
          ${call.queue_title}${call.rings_at && html` <small>rings at ${call.rings_at}</small>`}</button>`)}
    </section>`;
}

/** The codes that do the same from the phone's keypad. */
function Codes({ reasons }) {
  const codes = [["*11", "Ready"], ...reasons.slice(0, 9).map((reason, n) => [`*12${n + 1}`, label(reason)]), ["*13", "Done"], ["*14", "My state?"], ["*15", "On duty"], ["*10", "Log out"]];
  return html`
    <section class="pane" id="codes"><h2>By phone</h2>
      <dl class="codes">${codes.map(([code, words]) => html`<div key=${code}><dt>${code}</dt><dd>${words}</dd></div>`)}</dl>
    </section>`;
}

function Nothing({ agent }) {
  const words = !agent.reachable && agent.presence === "ready" ? "You are ready, but your phone is not reachable."
    : agent.presence === "ready" ? "Waiting for the next contact. Calls ring your phone, mails appear here."
    : agent.presence === "logged_out" ? "You are logged out of the queues. Press Ready to take calls."
    : "No calls come while you are not ready.";
  return html`<section class="pane idle"><p>${words}</p></section>`;
}

/** What the tab says while another one is in front. */
function useTitle({ offer, contact, agent, documents }) {
  const letter = documents.find((item) => item.state === "ringing" && item.offer);
  const title = letter ? `Offered: ${letter.subject || letter.queue_title}` : offer?.preview_until ? `Take it? ${offer.queue_title}` : offer ? `Rings: ${offer.caller || offer.queue_title}` : contact ? `Call: ${contact.caller || contact.queue_title}` : PRESENCE[agent.presence];
  useEffect(() => {
    document.title = `${unread.value ? `(${unread.value}) ` : ""}${title} – desk`;
  }, [title, unread.value]);
}

function Messages({ state }) {
  return html`
    <div class="messages" role="alert">
      ${troubles(state).map((words) => html`<p key=${words} class="notice bad">${words}</p>`)}
      ${trouble.value && html`<p class="notice bad" id="trouble">${trouble.value}
        <button class="plain" onClick=${() => { trouble.value = ""; }}>Close</button></p>`}
    </div>`;
}

function Desk({ state }) {
  const { agent, offer, contact, wrap_up: wrapUp, documents, queues, reasons } = state;
  usePainted(state.at);
  useTitle(state);
  const call = contact ?? offer;
  return html`
    <header class="bar">
      <h1>${agent.name}</h1>
      <${LinkSign} link=${link} />
      <time class="now">${clockTime(link.clock.value)}</time>
      <nav><${ThemeButton} /><a href="/">Wall</a><button class="plain" onClick=${leave}>Sign out</button></nav>
    </header>
    <${StaleStamp} link=${link} />
    <main class=${`desk ${link.stale.value ? "old" : ""} ${call || wrapUp?.open ? "working" : ""}`}>
      <${Messages} state=${state} />
      <${States} agent=${agent} reasons=${reasons} />
      <div class="centre">
        ${contact && offer && html`<${CallCard} id="offer" call=${offer} ringing=${true} clock=${link.clock} busy=${busy.value} take=${take} pass=${pass} />`}
        ${call && html`<${CallCard} call=${call} ringing=${!contact} agent=${agent} dials=${state.dials} duty=${state.duty} clock=${link.clock} busy=${busy.value} file=${file} take=${take} pass=${pass} act=${onCall} />`}
        ${wrapUp && !call && html`<${WrapUpCard} key=${wrapUp.segment} work=${wrapUp} clock=${link.clock} busy=${busy.value} file=${file} done=${done} />`}
        <${ChatsPane} items=${documents.filter((item) => item.channel === "chat")} agent=${agent} clock=${link.clock} busy=${busy.value} act=${act} />
        <${DocumentsPane} items=${documents.filter((item) => item.channel !== "chat")} clock=${link.clock} busy=${busy.value} act=${act} />
        ${(state.faxes_out || state.faxes.length > 0) && html`<${FaxesPane} faxes=${state.faxes} busy=${busy.value} act=${act} tomorrow=${times(link.clock.value)[1][1]} />`}
        ${!call && !wrapUp?.open && !documents.length && html`<${Nothing} agent=${agent} />`}
      </div>
      <div class="side">
        <${PhoneCard} agent=${agent} sip=${state.sip} /><${Today} agent=${agent} />${!call && html`<${DialPane} dials=${state.dials} duty=${state.duty} busy=${busy.value} act=${onCall} />`}<${PickUp} agent=${agent} queues=${queues} /><${Queues} queues=${queues} /><${Codes} reasons=${reasons} />
      </div>
    </main>`;
}

function Page() {
  if (link.refused.value) return html`<p class="boot">${label(link.refused.value)}. <a href="/">Go to the wall</a> or <a href="/login?next=/desk">sign in as an agent</a>.</p>`;
  const state = link.state.value;
  return state ? html`<${Desk} state=${state} />` : html`<p class="boot">Connecting to the center …</p>`;
}

const choices = () => {
  const { contact, wrap_up: work } = link.state.value ?? {};
  return contact ?? work;
};
const keys = {
  r: () => link.state.value && be("ready"),
  a: () => link.state.value?.offer?.preview_until && take(link.state.value.offer.offer),
  x: () => link.state.value?.offer?.offer && pass(link.state.value.offer.offer),
  d: () => link.state.value?.wrap_up?.open && done(link.state.value.wrap_up.segment),
};
for (let n = 1; n <= 9; n += 1) {
  keys[n] = () => {
    const found = choices();
    const disposition = found?.dispositions[n - 1];
    if (disposition) file(found.segment, disposition);
  };
}
onKeys(keys);
render(html`<${Page} />`, document.getElementById("page"));
