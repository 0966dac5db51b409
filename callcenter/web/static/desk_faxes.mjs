// Faxes that she sends: an answer, a new one, and where each is.
//
// Why: a fax is on its way for minutes, page by page, and may fail on the last. So each shows what the
// other machine has for certain, and what can still be done: taken back until somebody is called,
// the rest sent again when it did not arrive. A PDF is read here and sent whole.

import { useState } from "./vendor/preact-hooks.mjs";
import { html } from "./page.mjs";
import { plain } from "./words.mjs";

const MEGA = 1024 * 1024;
const PDF_MAX = 10 * MEGA;
const when = (time) => new Date(time).toLocaleString([], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const path = (fax) => `faxes/${encodeURIComponent(fax)}`;

const STAGES = { waiting: "Goes out", due: "Being sent", sent: "Sent", failed: "Not sent", cancelled: "Taken back", unsure: "Sent? Nobody knows whether the rest arrived" };

const base64 = async (file) => {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
};

/** Text, a PDF, a cover, and when. `to` is asked for where nobody knows it. */
export function FaxForm({ url, asksTo, busy, act, text, write, tomorrow }) {
  const [to, setTo] = useState("");
  const [file, setFile] = useState(null);
  const [cover, setCover] = useState(false);
  const [subject, setSubject] = useState("");
  const [trouble, setTrouble] = useState("");
  const empty = !text.trim() && !file && !cover;
  const send = async (at) => {
    if (file && file.size > PDF_MAX) { setTrouble("That PDF is larger than 10 MB."); return; }
    setTrouble("");
    const body = { to, text, cover, subject, pdf_base64: file ? await base64(file) : "", send_at: at ? at.toISOString() : null };
    if (await act(url, body)) { write(""); setFile(null); setSubject(""); setTo(""); }
  };
  return html`
    <div class="reply fax">
      ${asksTo && html`<label class="kept">Number<input name="fax-to" inputmode="tel" value=${to} onInput=${(event) => setTo(event.target.value)} /></label>`}
      <label class="kept">${asksTo ? "New fax" : "Answer by fax"}<textarea name="fax-text" rows="6" value=${text} onInput=${(event) => write(event.target.value)}></textarea></label>
      <label class="kept">PDF<input name="fax-pdf" type="file" accept="application/pdf" onChange=${(event) => setFile(event.target.files[0] ?? null)} /></label>
      <label><input name="fax-cover" type="checkbox" checked=${cover} onChange=${(event) => setCover(event.target.checked)} /> With a cover page</label>
      ${cover && html`<label class="kept">Subject<input name="fax-subject" maxlength="150" value=${subject} onInput=${(event) => setSubject(event.target.value)} /></label>`}
      ${trouble && html`<p class="notice bad">${trouble}</p>`}
      <div class="pair">
        <button class="main send-fax" disabled=${busy || empty || (asksTo && !to.trim())} onClick=${() => send(null)}>Send fax</button>
        <button disabled=${busy || empty || (asksTo && !to.trim())} onClick=${() => send(tomorrow)}>Send tomorrow 9:00</button>
      </div>
    </div>`;
}

/** What she sends, what became of it, and a new one. */
export function FaxesPane({ faxes, busy, act, tomorrow }) {
  const [open, setOpen] = useState(false);
  const [text, write] = useState("");
  return html`
    <section class="pane" id="faxes" aria-label="Your faxes"><h2>Your faxes</h2>
      ${faxes.length > 0 && html`<ul class="letters">${faxes.map((fax) => html`
        <li key=${fax.fax} data-fax=${fax.fax} data-stage=${fax.stage}><b>${STAGES[fax.stage] ?? fax.stage}</b>${fax.to ? ` to ${fax.to}` : ""}${fax.stage === "waiting" && fax.until ? ` ${when(fax.until)}` : ""}: ${fax.confirmed} of ${fax.pages} pages there${fax.attempt ? `, attempt ${fax.attempt}` : ""}${fax.outcome && fax.outcome !== "sent" ? `, ${plain(fax.outcome)}` : ""}
          ${fax.stage === "waiting" && html` <button disabled=${busy} onClick=${() => act(path(fax.fax), {}, "DELETE")}>Undo</button>`}
          ${(fax.stage === "unsure" || fax.stage === "failed") && html` <button disabled=${busy} onClick=${() => act(`${path(fax.fax)}/again`, {})}>Send the rest again</button>`}
        </li>`)}</ul>`}
      <button class="plain" aria-expanded=${open} onClick=${() => setOpen(!open)}>${open ? "No new fax" : "New fax"}</button>
      ${open && html`<${FaxForm} url="faxes" asksTo=${true} busy=${busy} act=${act} text=${text} write=${write} tomorrow=${tomorrow} />`}
    </section>`;
}
