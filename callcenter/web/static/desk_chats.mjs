// The desk's chats: what is offered, who has written, and the conversation that is open.
//
// Why: several visitors wait at once. So each has a line that says who has written since she looked,
// and who is typing; one is open. What she says bears a name of its own: said again, it is the same.
// What visitors write is shown as text and nothing else.

import { useEffect, useLayoutEffect, useRef, useState } from "./vendor/preact-hooks.mjs";
import { signal } from "./vendor/signals.mjs";
import { useFound } from "./found.mjs";
import { ask, pass } from "./live.mjs";
import { Ago, html } from "./page.mjs";
import { PRESENCE, attribute, label } from "./words.mjs";

const AGAIN_MS = 1500;
const TYPING_MS = 2500;
const SAVE_MS = 800;
const STATES = { ringing: "Offered", talking: "With you", waiting: "Waits", flow: "Arrives" };
const drafts = new Map();

/** Messages that she has not seen, in all her chats. */
export const unread = signal(0);

const path = (contact) => `contacts/${encodeURIComponent(contact)}`;
const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const size = (bytes) => bytes < 1048576 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / 1048576).toFixed(1)} MB`;

const SEEN = "chats seen";
const seen = signal(JSON.parse(sessionStorage.getItem(SEEN) ?? "{}"));
function see(contact, place) {
  if ((seen.value[contact] ?? 0) >= place) return;
  seen.value = { ...seen.value, [contact]: place };
  sessionStorage.setItem(SEEN, JSON.stringify(seen.value));
}
const news = (item) => Math.max(0, (item.chat?.said ?? 0) - (seen.value[item.contact] ?? 0));

function Row({ item, open, choose, clock: now, busy, answer }) {
  const offered = item.state === "ringing" && item.offer;
  const fresh = open ? 0 : news(item);
  const left = offered && Math.max(0, Math.ceil((Date.parse(item.due) - now.value) / 1000));
  return html`
    <li class=${`chat-line ${item.state} ${open ? "open" : ""}`} data-contact=${item.contact}>
      <button class="plain line" aria-expanded=${open} disabled=${Boolean(offered)} onClick=${() => choose(item.contact)}>
        <b class="who-chats">${item.sender || "Visitor"}</b>
        ${fresh > 0 && !offered && html`<span class="unread" aria-label=${`${fresh} new`}>${fresh}</span>`}
        <span class="preview">${item.chat?.typing ? html`<i>is typing …</i>` : item.preview}</span>
        <span class="state">${offered ? `${left} s left` : STATES[item.state]}${!offered && item.chat && !item.chat.here ? ", page closed" : ""}</span>
        <span class="time"><${Ago} time=${item.since} clock=${now} /></span>
      </button>
      ${offered && html`
        <div class="pair">
          <button class="main accept" disabled=${busy} onClick=${() => answer(item, true)}>Accept</button>
          <button class="decline" disabled=${busy} onClick=${() => answer(item, false)}>Decline</button>
        </div>`}
    </li>`;
}

function Message({ one, contact, visitor }) {
  const link = `/api/v1/${path(contact)}/chat/files`;
  return html`
    <li class=${`message ${one.by}`} data-seq=${one.seq} data-id=${one.id}>
      ${one.file ? html`<a href=${`${link}/${one.file.blob}`} download=${one.file.name}>${one.file.name}</a> <small>${size(one.file.size)}</small>` : html`<p>${one.text}</p>`}
      <small>${one.by === "visitor" ? visitor : one.by === "note" ? "Note" : one.name}, ${clock(one.at)}</small>
    </li>`;
}

/** Whom she may hand it on to; a part of a name finds more. */
function HandOn({ agent, busy, go, close }) {
  const [find, setFind] = useState("");
  const [found, trouble] = useFound(`agents/${encodeURIComponent(agent.id)}/call/targets?find=${encodeURIComponent(find)}`, find);
  return html`
    <fieldset class="choices transfer" id="chat-hand-on"><legend>Hand on to</legend>
      <input type="search" aria-label="Find an agent or a queue" placeholder="Name of an agent or a queue" value=${find} onInput=${(event) => setFind(event.target.value)} />
      ${trouble && html`<p class="notice bad">${trouble}</p>`}
      ${found?.targets.map((target) => html`
        <div class="target" key=${target.agent || `queue ${target.queue}`}>
          <span>${target.title} <small>${target.agent ? PRESENCE[target.state].toLowerCase() : "queue"}</small></span>
          <button disabled=${busy} data-target=${target.agent || target.queue} onClick=${() => go(target.agent ? { agent: target.agent } : { queue: target.queue })}>Hand on</button>
        </div>`)}
      <button class="plain" onClick=${close}>Not now</button>
    </fieldset>`;
}

/** What she writes; it stays here until the server has kept it. */
function Writing({ item, templates, tell, setTrouble }) {
  const [text, setText] = useState(drafts.get(item.contact) ?? "");
  const typed = useRef(0);
  const box = useRef(null);
  const write = (words) => { drafts.set(item.contact, words); setText(words); };
  const typing = (event) => {
    write(event.target.value);
    if (Date.now() - typed.current > TYPING_MS) {
      typed.current = Date.now();
      ask(`${path(item.contact)}/chat/typing`, {}).catch(() => {});
    }
  };
  const send = () => {
    if (!text.trim()) return;
    tell({ id: newId(), text: text.trim() });
    write("");
    typed.current = 0;
    box.current?.focus();
  };
  const keys = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
  };
  const upload = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    const headers = { "X-CSRF-Token": pass.value?.csrf ?? "", "X-Chat-Id": newId(), "X-Chat-File": encodeURIComponent(file.name), "Content-Type": "application/octet-stream" };
    const answer = await fetch(`/api/v1/${path(item.contact)}/chat/files`, { method: "POST", credentials: "same-origin", headers, body: file }).catch(() => null);
    const found = answer && !answer.ok ? await answer.json().catch(() => ({})) : {};
    setTrouble(answer?.ok ? "" : found.detail || "That file could not be sent.");
  };
  return html`
    <div class="writing">
      ${Object.keys(templates).length > 0 && html`<p class="templates">${Object.entries(templates).map(([name, words]) => html`<button key=${name} class="chip" onClick=${() => { write(text ? `${text} ${words}` : words); box.current?.focus(); }}>${label(name)}</button>`)}</p>`}
      <div class="box">
        <textarea ref=${box} name="say" rows="2" maxlength="4000" aria-label="Your message" placeholder="Write a message … (Enter sends)" value=${text} onInput=${typing} onKeyDown=${keys}></textarea>
        <button class="main" id="say" disabled=${!text.trim()} onClick=${send}>Send</button>
      </div>
      <label class="attach"><input class="sr" type="file" onChange=${upload} /><span>Send a file</span></label>
    </div>`;
}

/** The open one: everything said, and what can be done. */
function Opened({ item, agent, busy, act }) {
  const [said, setSaid] = useState(() => new Map());
  const [about, setAbout] = useState(null);
  const [waiting, setWaiting] = useState([]);
  const [trouble, setTrouble] = useState("");
  const [notes, setNotes] = useState(null);
  const [handing, setHanding] = useState(false);
  const have = useRef(0);
  const log = useRef(null);
  const total = item.chat?.said ?? 0;
  useEffect(() => {
    let timer = 0;
    let here = true;
    const read = () => ask(`${path(item.contact)}/chat?after=${have.current}`).then((found) => {
      if (!here) return;
      setAbout((before) => before ?? found);
      setNotes((before) => before ?? found.notes);
      setSaid((before) => {
        const next = new Map(before);
        for (const one of found.messages) next.set(one.seq, one);
        while (next.has(have.current + 1)) have.current += 1;
        see(item.contact, have.current);
        return next;
      });
      setWaiting((before) => before.filter((one) => !found.messages.some((kept) => kept.id === one.id)));
      setTrouble("");
    }, (error) => { if (here) { setTrouble(error.message); timer = setTimeout(read, AGAIN_MS); } });
    read();
    return () => { here = false; clearTimeout(timer); };
  }, [item.contact, total]);
  useEffect(() => {
    if (notes === null || notes === about?.notes) return undefined;
    const later = setTimeout(() => ask(`${path(item.contact)}/notes`, { notes, draft: "" }, "PUT").catch((error) => setTrouble(error.message)), SAVE_MS);
    return () => clearTimeout(later);
  }, [notes]);
  useLayoutEffect(() => { if (log.current) log.current.scrollTop = log.current.scrollHeight; }, [said.size, waiting.length]);
  const send = (one) => ask(`${path(item.contact)}/chat`, one).then(
    () => {},
    (error) => setWaiting((before) => before.map((other) => other.id === one.id ? { ...other, failed: error.message } : other)));
  const tell = (one) => { setWaiting((before) => [...before, one]); send(one); };
  const again = (one) => { setWaiting((before) => before.map((other) => other.id === one.id ? { ...other, failed: "" } : other)); send({ id: one.id, text: one.text }); };
  const working = item.state === "talking";
  const visitor = item.sender || "Visitor";
  return html`
    <section class="pane opened-chat" id="chat" data-contact=${item.contact} aria-label="The open chat">
      <h2>${visitor}</h2>
      <p class="what"><span>${item.queue_title}</span>
        ${about?.email && html`<span>${about.email}</span>`}
        ${about?.page && html`<span class="page">on ${about.page}</span>`}
        ${about?.language && html`<span>${attribute("language", about.language)}</span>`}
        ${item.chat && !item.chat.here && html`<span class="gone">page closed</span>`}</p>
      ${trouble && html`<p class="notice bad">${trouble}</p>`}
      <ol class="said" ref=${log} role="log" aria-label="Conversation" tabindex="0">
        ${[...said.values()].sort((a, b) => a.seq - b.seq).map((one) => html`<${Message} key=${one.seq} one=${one} contact=${item.contact} visitor=${visitor} />`)}
        ${waiting.map((one) => html`<li key=${one.id} class="message agent waiting"><p>${one.text}</p><small>${one.failed ? html`${one.failed} <button class="plain" onClick=${() => again(one)}>Try again</button>` : "Sending …"}</small></li>`)}
      </ol>
      <p class="typist" aria-live="polite">${item.chat?.typing ? `${visitor} is typing …` : ""}</p>
      ${working && about && html`<${Writing} key=${item.contact} item=${item} templates=${about.templates} tell=${tell} setTrouble=${setTrouble} />`}
      ${notes !== null && html`<label class="kept">Notes for colleagues<textarea name="notes" rows="2" value=${notes} onInput=${(event) => setNotes(event.target.value)}></textarea></label>`}
      ${working && html`
        <fieldset class="choices"><legend>End the chat: what was it?</legend>
          ${(item.dispositions.length ? item.dispositions : [""]).map((choice) => html`<button key=${choice} disabled=${busy} data-done=${choice} onClick=${() => act(`${path(item.contact)}/done`, { disposition: choice })}>${choice ? label(choice) : "End the chat"}</button>`)}
        </fieldset>
        <div class="tools">
          <button id="chat-transfer" disabled=${busy} aria-expanded=${handing} onClick=${() => setHanding(!handing)}>Hand on</button>
          <a class="transcript" href=${`/api/v1/${path(item.contact)}/transcript`} download>Save the conversation</a>
        </div>
        ${handing && html`<${HandOn} agent=${agent} busy=${busy} close=${() => setHanding(false)} go=${(target) => act(`${path(item.contact)}/transfer`, { queue: "", agent: "", ...target })} />`}`}
    </section>`;
}

/** All her chats. */
export function ChatsPane({ items, agent, clock: now, busy, act }) {
  const [chosen, choose] = useState("");
  const ready = items.filter((item) => !(item.state === "ringing" && item.offer));
  const open = ready.find((item) => item.contact === chosen) ?? ready.find((item) => item.state === "talking");
  const fresh = ready.reduce((sum, item) => sum + (item === open ? 0 : news(item)), 0);
  useEffect(() => { unread.value = fresh; }, [fresh]);
  if (!items.length) return null;
  const answer = async (item, accept) => {
    await act(`offers/${encodeURIComponent(item.offer)}/answer`, { accept });
    if (accept) choose(item.contact);
  };
  return html`
    <section class="pane" id="chats" aria-label="Chats"><h2>Chats</h2>
      <ul class="chat-lines">${items.map((item) => html`<${Row} key=${item.contact} item=${item} open=${open?.contact === item.contact} choose=${choose} clock=${now} busy=${busy} answer=${answer} />`)}</ul>
    </section>
    ${open && html`<${Opened} key=${open.contact} item=${open} agent=${agent} busy=${busy} act=${act} />`}`;
}
