// The desk's mails, faxes and messages: what is offered, what she reads, what she put aside.
//
// Why: several lie on a desk at once, and a call may come between. So each is a line, one is open,
// and what she has typed is kept as she types, for whoever reads it next. What strangers wrote is
// shown as text; a page only in a frame that can do nothing.

import { useEffect, useState } from "./vendor/preact-hooks.mjs";
import { ask } from "./live.mjs";
import { FaxForm } from "./desk_faxes.mjs";
import { FaxPages } from "./desk_pages.mjs";
import { Ago, html } from "./page.mjs";
import { attribute, label, plain } from "./words.mjs";

const STATES = { ringing: "Offered", talking: "On your desk", waiting: "Waits for you", aside: "Put aside", flow: "Being read" };
const SAVE_MS = 800;
const KILO = 1024;
const path = (contact) => `contacts/${encodeURIComponent(contact)}`;

const size = (bytes) => bytes < KILO ? `${bytes} B` : bytes < KILO * KILO ? `${Math.round(bytes / KILO)} kB` : `${(bytes / KILO / KILO).toFixed(1)} MB`;
const when = (time) => new Date(time).toLocaleString([], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

const recordings = (letter) => letter.files.filter((file) => file.role === "recording");

/** Local times that are worth a button: later today, tomorrow morning, next week. */
export function times(now) {
  const at = (days, hour) => { const day = new Date(now); day.setDate(day.getDate() + days); day.setHours(hour, 0, 0, 0); return day; };
  const monday = (8 - new Date(now).getDay()) % 7 || 7;
  return [["In an hour", new Date(now + 3600000)], ["Tomorrow 9:00", at(1, 9)], ["Monday 9:00", at(monday, 9)], ["When they write again", null]];
}

/** Left of the time in which she may take it. */
function Left({ due, clock }) {
  return html`<span class="time">${Math.max(0, Math.ceil((Date.parse(due) - clock.value) / 1000))} s left</span>`;
}

/** One line per document; an offer has its two buttons on it. */
function Row({ item, open, choose, clock, busy, answer }) {
  const offered = item.state === "ringing" && item.offer;
  return html`
    <li class=${`document ${item.state} ${open ? "open" : ""}`} data-contact=${item.contact}>
      <button class="plain line" aria-expanded=${open} disabled=${offered} onClick=${() => choose(item.contact)}>
        <span class="kind">${label(item.channel)}</span>
        <b class="subject">${item.subject || "No subject"}</b>
        <span class="from">${item.sender || "Unknown sender"}</span>
        <span class="state">${item.held ? "Waits for your call to end" : STATES[item.state]}${item.state === "aside" && item.due ? ` until ${when(item.due)}` : ""}</span>
        ${offered ? html`<${Left} due=${item.due} clock=${clock} />` : html`<span class="time"><${Ago} time=${item.since} clock=${clock} /></span>`}
      </button>
      ${offered && html`
        <p class="preview">${item.preview}</p>
        <div class="pair">
          <button class="main accept" disabled=${busy} onClick=${() => answer(item.offer, true)}>Accept</button>
          <button class="decline" disabled=${busy} onClick=${() => answer(item.offer, false)}>Decline</button>
        </div>`}
    </li>`;
}

/** What was written, once: text, what it repeats, its page, its files. */
function Letter({ letter, contact }) {
  const [page, setPage] = useState(false);
  const link = `/api/v1/${path(contact)}`;
  const pages = letter.files.filter((file) => file.role === "pages");
  const files = letter.files.filter((file) => file.role !== "pages" && file.role !== "thumbnail");
  return html`
    <article class="letter">
      <p class="what"><b>${letter.name || letter.sender}</b>${letter.name && html`<span class="address">${letter.sender}</span>`}<time>${when(letter.received)}</time></p>
      ${letter.oddities.length > 0 && html`<p class="notice">Not as it should be: ${letter.oddities.map((odd) => plain(odd)).join(", ")}.</p>`}
      ${pages.length > 0 && html`<${FaxPages} pages=${pages} link=${link} facts=${letter.facts} />`}
      ${recordings(letter).map((file) => html`<audio key=${file.blob} controls preload="none" src=${`${link}/files/${file.blob}`} aria-label="The message"></audio>`)}
      ${(letter.text || !(pages.length || recordings(letter).length)) && html`<pre class="words">${letter.text || "No text."}</pre>`}
      ${letter.quoted && html`<details><summary>What it repeats</summary><pre class="words quoted">${letter.quoted}</pre></details>`}
      ${letter.page && html`<button class="plain" onClick=${() => setPage(!page)}>${page ? "Hide the page" : "Show as a page"}</button>`}
      ${page && html`<iframe sandbox="" referrerpolicy="no-referrer" title="The mail as a page" src=${`${link}/pages/${encodeURIComponent(letter.contact)}`}></iframe>`}
      ${files.length > 0 && html`<ul class="files">${files.map((file) => html`
        <li key=${file.blob + file.name}><a href=${`${link}/files/${file.blob}`} download=${file.name}>${file.role === "raw" ? "As it came" : file.name}</a> <span>${size(file.size)}</span></li>`)}</ul>`}
    </article>`;
}

/** A box whose words are kept as she types. */
function Kept({ name, words, value, change }) {
  return html`<label class="kept">${words}<textarea name=${name} rows=${name === "draft" ? 8 : 2} value=${value} onInput=${(event) => change(event.target.value)}></textarea></label>`;
}

const LETTERS = { waiting: "Goes out", due: "Going out", sent: "Sent", failed: "Could not be sent", cancelled: "Taken back", returned: "Came back: not delivered", unsure: "Sent? The mail server's word was lost" };

/** What was answered so far, and what can still be done about it. */
function Letters({ item, busy, acts }) {
  if (!item.letters.length) return null;
  return html`<ul class="letters">${item.letters.map((letter) => html`
    <li key=${letter.letter} data-stage=${letter.stage}><b>${LETTERS[letter.stage] ?? letter.stage}</b>${letter.stage === "waiting" ? ` ${when(letter.until)}` : ""}${letter.reason ? `: ${letter.reason}` : ""}
      ${letter.stage === "waiting" && html` <button disabled=${busy} onClick=${() => acts.takeBack(item.contact, letter.letter)}>Undo</button>`}
      ${["unsure", "failed", "returned"].includes(letter.stage) && html` <button disabled=${busy} onClick=${() => acts.again(item.contact, letter.letter)}>Send it again</button>`}
    </li>`)}</ul>`;
}

/** The answer, kept as she types, with what to begin with. */
function Reply({ item, letter, kept, setKept, busy, acts, clock }) {
  const names = Object.keys(letter.templates);
  const send = async (at) => { if (await acts.send(item.contact, kept.draft, at)) setKept({ ...kept, draft: "" }); };
  const write = (draft) => setKept({ ...kept, draft });
  return html`
    <div class="reply">
      ${names.length > 0 && html`<p class="templates">${names.map((name) => html`<button key=${name} class="plain" onClick=${() => write(kept.draft ? `${kept.draft}\n\n${letter.templates[name]}` : letter.templates[name])}>${label(name)}</button>`)}</p>`}
      <${Kept} name="draft" words=${`Answer to ${letter.sender}`} value=${kept.draft} change=${write} />
      <div class="pair">
        <button class="main" id="send" disabled=${busy || !kept.draft.trim()} onClick=${() => send(null)}>Send</button>
        <button id="later" disabled=${busy || !kept.draft.trim()} onClick=${() => send(times(clock.value)[1][1])}>Send tomorrow 9:00</button>
      </div>
    </div>`;
}

function Dispositions({ item, busy, done }) {
  return html`
    <fieldset class="choices"><legend>Done: what was it?</legend>
      ${item.dispositions.map((choice) => html`<button key=${choice} disabled=${busy} data-done=${choice} onClick=${() => done(item.contact, choice)}>${label(choice)}</button>`)}
    </fieldset>`;
}

/** The open one, with all that is known of it. */
function Opened({ item, clock, busy, acts }) {
  const [letter, setLetter] = useState(null);
  const [trouble, setTrouble] = useState("");
  const [kept, setKept] = useState(null);
  useEffect(() => {
    let here = true;
    ask(`${path(item.contact)}/document`).then((found) => { if (here) { setLetter(found); setKept((before) => before ?? { notes: found.notes, draft: found.draft }); } }, (error) => here && setTrouble(error.message));
    return () => { here = false; };
  }, [item.contact, item.replies]);
  useEffect(() => {
    if (!kept || !letter || (kept.notes === letter.notes && kept.draft === letter.draft)) return undefined;
    const later = setTimeout(() => ask(`${path(item.contact)}/notes`, kept, "PUT").then(() => setTrouble(""), (error) => setTrouble(error.message)), SAVE_MS);
    return () => clearTimeout(later);
  }, [kept]);
  if (trouble && !letter) return html`<p class="notice bad">${trouble}</p>`;
  if (!letter) return html`<p>Opening …</p>`;
  const working = item.state === "talking";
  return html`
    <section class="pane opened" id="document" data-contact=${item.contact} aria-label="The open document">
      <h2>${letter.subject || "No subject"}</h2>
      <p class="what"><span>${item.queue_title}</span>${Object.entries(item.attributes).map(([name, value]) => html`<span key=${name}>${label(name)}: ${label(attribute(name, value))}</span>`)}</p>
      ${trouble && html`<p class="notice bad">${trouble}</p>`}
      ${[...letter.replies].reverse().map((reply) => html`<${Letter} key=${reply.contact} letter=${reply} contact=${item.contact} />`)}
      <${Letter} letter=${letter} contact=${item.contact} />
      ${kept && html`<${Kept} name="notes" words="Notes for colleagues" value=${kept.notes} change=${(notes) => setKept({ ...kept, notes })} />`}
      <${Letters} item=${item} busy=${busy} acts=${acts} />
      ${working && kept && letter.answerable && html`<${Reply} item=${item} letter=${letter} kept=${kept} setKept=${setKept} busy=${busy} acts=${acts} clock=${clock} />`}
      ${working && kept && letter.faxable && html`<${FaxForm} url=${`${path(item.contact)}/faxes`} asksTo=${false} busy=${busy} act=${acts.raw} text=${kept.draft} write=${(draft) => setKept({ ...kept, draft })} tomorrow=${times(clock.value)[1][1]} />`}
      ${working && html`
        <${Dispositions} item=${item} busy=${busy} done=${acts.done} />
        <fieldset class="choices"><legend>Put aside</legend>
          ${times(clock.value).map(([words, until]) => html`<button key=${words} disabled=${busy} data-aside=${words} onClick=${() => acts.aside(item.contact, until)}>${words}</button>`)}
        </fieldset>`}
    </section>`;
}

/** Everything that lies on her desk to be read. */
export function DocumentsPane({ items, clock, busy, act }) {
  const [chosen, choose] = useState("");
  if (!items.length) return null;
  const acts = {
    raw: act,
    done: (contact, disposition) => act(`${path(contact)}/done`, { disposition }),
    send: (contact, text, at) => act(`${path(contact)}/letters`, { text, send_at: at ? at.toISOString() : null }),
    takeBack: (contact, letter) => act(`${path(contact)}/letters/${encodeURIComponent(letter)}`, {}, "DELETE"),
    again: (contact, letter) => act(`${path(contact)}/letters/${encodeURIComponent(letter)}/again`, {}),
    aside: (contact, until) => act(`${path(contact)}/put-aside`, { until: until ? until.toISOString() : null }),
  };
  const answer = async (offer, accept) => {
    const item = items.find((one) => one.offer === offer);
    await act(`offers/${encodeURIComponent(offer)}/answer`, { accept });
    if (accept && item) choose(item.contact);
  };
  const readable = items.filter((item) => !(item.state === "ringing" && item.offer));
  const open = readable.find((item) => item.contact === chosen) ?? readable.find((item) => item.state === "talking");
  return html`
    <section class="pane" id="documents" aria-label="To be read"><h2>To be read</h2>
      <ul class="documents">${items.map((item) => html`<${Row} key=${item.contact} item=${item} open=${open?.contact === item.contact} choose=${choose} clock=${clock} busy=${busy} answer=${answer} />`)}</ul>
    </section>
    ${open && html`<${Opened} key=${open.contact} item=${open} clock=${clock} busy=${busy} acts=${acts} />`}`;
}
