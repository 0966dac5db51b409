// The chat of a web page: one script tag, nothing else.
//
//   <script src="https://our.address/chat.js" data-chat="website" async></script>
//
// Why: it lives on somebody else's page. So it stays inside a shadow root, styles itself without a
// style tag, makes text of everything that is written, and loads nothing. A page with a strict policy
// needs `script-src` and `connect-src` of our address (and wss:).
//
// What was typed is kept here under a name of its own until the server says that it is kept there;
// after a reload or a lost link it is said again, and the server knows it by its name. The server's
// messages have places, counted from 1: what comes twice is shown once.
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script) return;
  const base = new URL(script.src).origin;
  const door = script.dataset.chat || "website";
  const shelf = `chat ${base} ${door}`;
  const RETRY_MS = [300, 1000, 2000, 4000, 8000, 15000];
  const TYPING_MS = 2500;
  const SHOWN_MS = 5000;
  const AGAIN_MS = 2500;
  const TRIES = 4;

  const STYLE = `
:host { all: initial; color-scheme: light dark; --brand: light-dark(#0b6e6e, #55c2bb); --on: light-dark(#fff, #06201f); --card: light-dark(#fff, #171d21); --ground: light-dark(#f2f4f5, #0e1316); --line: light-dark(#d3dade, #35404a); --text: light-dark(#12181c, #e7ecef); --quiet: light-dark(#55626a, #9aa7af); --bad: light-dark(#b3261e, #ff8d83); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.root { position: fixed; right: 1.25rem; bottom: 1.25rem; z-index: 2147483000; font: 16px/1.4 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; color: var(--text); }
button, input, textarea { font: inherit; color: inherit; }
button { cursor: pointer; border: 0; border-radius: .5rem; padding: .55rem .9rem; min-height: 2.75rem; background: var(--brand); color: var(--on); font-weight: 600; }
button.plain { background: none; color: var(--brand); font-weight: 500; padding: .2rem .4rem; min-height: 2rem; font-size: .875rem; }
button:disabled { opacity: .5; cursor: default; }
:focus-visible { outline: 3px solid var(--brand); outline-offset: 2px; }
.launch { display: flex; align-items: center; gap: .55rem; margin-left: auto; border-radius: 2rem; padding: .8rem 1.25rem; box-shadow: 0 .3rem 1.2rem #0004; }
.launch svg { width: 1.4rem; height: 1.4rem; fill: none; stroke: currentcolor; stroke-width: 2; stroke-linejoin: round; }
.badge { background: #c0281f; color: #fff; border-radius: 1rem; min-width: 1.5rem; padding: 0 .4rem; text-align: center; font-size: .875rem; }
.panel { display: flex; flex-direction: column; width: 23.5rem; height: min(36rem, calc(100dvh - 2.5rem)); background: var(--card); border: 1px solid var(--line); border-radius: .9rem; overflow: hidden; box-shadow: 0 .6rem 2.4rem #0005; }
header { display: flex; align-items: center; gap: .5rem; padding: .7rem .6rem .7rem 1rem; background: var(--brand); color: var(--on); }
header b { flex: 1; font-size: 1.05rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
header button { background: none; padding: .3rem .6rem; min-height: 2.4rem; }
header :focus-visible { outline-color: currentcolor; }
.status { padding: .45rem 1rem; font-size: .875rem; color: var(--quiet); background: var(--ground); border-bottom: 1px solid var(--line); min-height: 2.2rem; }
.status.bad { color: var(--bad); font-weight: 600; }
.log { flex: 1; overflow-y: auto; padding: .9rem 1rem; display: flex; flex-direction: column; gap: .6rem; overscroll-behavior: contain; }
.said { max-width: 84%; align-self: flex-start; background: var(--ground); border: 1px solid var(--line); border-radius: .9rem .9rem .9rem .25rem; padding: .5rem .75rem; overflow-wrap: anywhere; white-space: pre-wrap; }
.said.visitor { align-self: flex-end; background: var(--brand); color: var(--on); border-color: transparent; border-radius: .9rem .9rem .25rem .9rem; }
.said.pending { opacity: .6; }
.said small { display: block; font-size: .75rem; opacity: .8; white-space: normal; }
.said button { background: none; color: inherit; padding: 0; min-height: 1.8rem; text-decoration: underline; text-align: left; }
.hint { color: var(--quiet); font-size: .875rem; min-height: 1.25rem; }
form { display: flex; flex-direction: column; gap: .75rem; padding: 1rem; overflow-y: auto; }
form.write { gap: .4rem; padding: .6rem .8rem .7rem; border-top: 1px solid var(--line); overflow: visible; }
label { display: flex; flex-direction: column; gap: .25rem; font-size: .875rem; color: var(--quiet); }
input, textarea { width: 100%; border: 1px solid var(--line); border-radius: .5rem; background: var(--ground); color: var(--text); padding: .55rem .7rem; font-size: 1rem; resize: none; }
.row { display: flex; gap: .5rem; align-items: flex-end; }
.row textarea { flex: 1; }
.tools { display: flex; flex-wrap: wrap; gap: 0 .3rem; margin: 0 -.4rem; }
.greeting { margin: 0; white-space: pre-wrap; }
.wrong { margin: 0; color: var(--bad); font-weight: 600; font-size: .9rem; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 30rem) {
  .root { right: .8rem; bottom: .8rem; }
  .root.open { inset: 0; }
  .open .panel { width: 100%; height: 100dvh; border: 0; border-radius: 0; }
}`;

  // --- what outlives a reload ---------------------------------------------------------------

  const fresh = () => ({ contact: "", key: "", start: null, word: null, pending: [], read: 0, name: "", email: "", open: false });
  let kept = fresh();
  try {
    kept = { ...fresh(), ...JSON.parse(localStorage.getItem(shelf) || "{}") };
  } catch { /* a page that may keep nothing, or something that is not ours: begin anew */ }
  const keep = () => {
    try {
      localStorage.setItem(shelf, JSON.stringify(kept));
    } catch { /* then it lasts as long as the page */ }
  };
  const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");

  // --- the page's part ----------------------------------------------------------------------

  function el(tag, props = {}, ...children) {
    const made = tag === "svg" || tag === "path" ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  const host = el("div", { id: "callcenter-chat" });
  const root = el("div", { class: "root" });
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  shadow.adoptedStyleSheets = [sheet];
  shadow.append(root);

  const badge = el("span", { class: "badge", hidden: true });
  const launchWords = el("span", {}, "Chat");
  const launch = el("button", { class: "launch", type: "button", "aria-expanded": "false", onclick: () => show(true) },
    el("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, el("path", { d: "M4 5h16v11H9l-5 4z" })), launchWords, badge);
  const title = el("b", { id: "title" }, "Chat");
  const status = el("div", { class: "status", role: "status" });
  const log = el("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": "Conversation", tabindex: "0" });
  const hint = el("div", { class: "hint" });
  const body = el("div", { hidden: true });
  const panel = el("section", { class: "panel", role: "dialog", "aria-labelledby": "title", hidden: true },
    el("header", {}, title, el("button", { type: "button", "aria-label": "Close the chat window", onclick: () => show(false) }, "✕")),
    status, body, log);
  root.append(panel, launch);
  panel.addEventListener("keydown", (event) => { if (event.key === "Escape") show(false); });

  const field = (words, name, props = {}, tag = "input") => el("label", {}, words, el(tag, { name, ...props }));
  const wrong = el("p", { class: "wrong", role: "alert", hidden: true });
  const say = (words) => { wrong.textContent = words; wrong.hidden = !words; };

  // --- the conversation ---------------------------------------------------------------------

  let welcome = null;
  let state = { state: "" };
  let messages = new Map();
  let last = 0;
  let typist = "";
  let typistUntil = 0;
  let view = "";
  let socket = null;
  let tries = 0;
  let linked = false;
  let lost = false;
  let draft = "";
  let failed = "";
  let wordOnly = false; // nobody answered her chat: she leaves a message instead

  const inChat = () => Boolean(kept.contact || kept.start);
  const over = () => state.state === "ended";

  function show(open, focus = true) {
    kept.open = open;
    keep();
    panel.hidden = !open;
    launch.hidden = open;
    launch.setAttribute("aria-expanded", String(open));
    root.classList.toggle("open", open);
    if (open) connect();
    draw();
    if (focus) (open ? panel.querySelector("textarea, input:not([type=file]), .log") : launch)?.focus();
  }

  function statusWords() {
    if (lost && socket !== null) return ["bad", "The connection is lost; connecting again …"];
    if (!welcome) return ["", "Connecting …"];
    if (!inChat()) return ["", view === "taken" ? "Thank you." : welcome.open && !wordOnly ? "We are here." : "Nobody is here at the moment."];
    if (over()) return ["", ENDINGS[state.reason] ?? "This chat is over."];
    if (state.state === "talking") return ["", `${state.agent} is with you.`];
    return ["", last && messages.size > 1 ? "Somebody will be with you in a moment." : "Thank you. Somebody will be with you soon."];
  }
  const ENDINGS = {
    resolved: "This chat is over. Thank you.", visitor_left: "You have left the chat.", caller_left_in_queue: "This chat is over.",
    chat_idle: "This chat ended because nobody wrote.", wait_limit: "Sorry: nobody came free in time.",
    queue_closed: "Sorry: we have just closed.", queue_full: "Sorry: too many are waiting.", queue_unstaffed: "Sorry: nobody is here at the moment.",
  };
  const UNANSWERED = ["wait_limit", "queue_closed", "queue_full", "queue_unstaffed"];

  function draw() {
    const [tone, words] = statusWords();
    status.className = `status ${tone}`;
    status.textContent = words;
    title.textContent = welcome?.title ?? "Chat";
    launchWords.textContent = inChat() && !over() ? "Back to the chat" : welcome?.title ?? "Chat";
    const next = !welcome ? "" : inChat() ? (over() ? "ended" : "chat") : view === "taken" ? "taken" : welcome.open && !wordOnly ? "form" : "word";
    if (next !== view) change(next);
    drawLog();
    const unread = panel.hidden ? [...messages.values()].filter((one) => one.by === "agent" && one.seq > kept.read).length : 0;
    badge.hidden = !unread;
    badge.textContent = unread;
    launch.setAttribute("aria-label", unread ? `${launchWords.textContent}, ${unread} new` : launchWords.textContent);
    if (!panel.hidden && last > kept.read) { kept.read = last; keep(); }
  }

  const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const size = (bytes) => bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;

  function bubble(one) {
    const what = one.file ? [el("button", { type: "button", onclick: () => fetchFile(one.file) }, `${one.file.name} (${size(one.file.size)})`)] : [one.text];
    const by = one.by === "agent" ? `${one.name}, ` : "";
    return el("div", { class: `said ${one.by}`, "data-id": one.id, "data-seq": one.seq },
      ...what, el("small", {}, `${by}${clock(one.at)}`));
  }

  const drawn = new Map();
  let idle = null;
  function drawLog() {
    log.hidden = !["chat", "ended"].includes(view);
    if (log.hidden) return;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    const before = drawn.size;
    for (const seq of [...messages.keys()].sort((a, b) => a - b)) {
      if (!drawn.has(seq)) {
        const made = bubble(messages.get(seq));
        drawn.set(seq, made);
        log.insertBefore(made, log.querySelector(".pending, .hint"));
      }
    }
    for (const old of log.querySelectorAll(".pending")) old.remove();
    const waiting = [...(kept.start && !last ? [kept.start] : []), ...kept.pending];
    for (const one of waiting) log.append(el("div", { class: "said visitor pending", "data-id": one.id }, one.text, el("small", {}, "not sent yet")));
    hint.textContent = failed || (Date.now() < typistUntil ? `${typist} is typing …` : "");
    log.append(hint);
    if (atEnd || drawn.size !== before) log.scrollTop = log.scrollHeight;
  }

  function change(next) {
    view = next;
    say("");
    panel.querySelector("form.write")?.remove();
    body.replaceChildren();
    body.hidden = true;
    if (next === "form" || next === "word") drawForm(next === "word");
    else if (next === "chat") drawWriting();
    else if (next === "ended") drawEnd();
    else if (next === "taken") {
      body.append(el("form", {}, el("p", { class: "greeting" }, "We have your message and will answer by mail."),
        el("button", { type: "button", onclick: () => { view = ""; wordOnly = false; draw(); } }, "Write another one")));
      body.hidden = false;
    }
  }

  function drawForm(closed) {
    const needed = closed || welcome.email_required;
    const name = field("Your name", "name", { autocomplete: "name", maxlength: 80, value: kept.name });
    const email = field(needed ? "Your mail address" : "Your mail address (if you like)", "email", { type: "email", autocomplete: "email", maxlength: 254, required: needed, value: kept.email });
    const text = field(closed ? "Your message" : "How can we help?", "text", { rows: 4, maxlength: 4000, required: true }, "textarea");
    text.lastChild.value = draft;
    text.lastChild.addEventListener("input", () => { draft = text.lastChild.value; });
    const send = el("button", { type: "submit" }, closed ? "Leave the message" : "Start the chat");
    const form = el("form", { novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      const values = { name: form.elements.name.value.trim(), email: form.elements.email.value.trim(), text: form.elements.text.value.trim() };
      if (!values.text) return say("Please write what it is about.");
      if (needed && !values.email) return say("Please give your mail address, so that we can answer.");
      say("");
      begin(closed, values);
    } },
    el("p", { class: "greeting" }, closed ? "Nobody is here at the moment. Leave us a message: we answer by mail." : welcome.greeting || "Write to us: we answer right here."),
    name, email, text, wrong, send);
    body.append(form);
    body.hidden = false;
  }

  function begin(closed, values) {
    kept.name = values.name;
    kept.email = values.email;
    const about = { id: newId(), ...values, page: location.href.slice(0, 500), language: navigator.language || "" };
    if (closed) kept.word = about;
    else kept.start = about;
    draft = "";
    keep();
    transmit(closed ? { type: "leave", ...about } : { type: "start", ...about });
    draw();
    panel.querySelector("textarea")?.focus();
  }

  function drawWriting() {
    const text = el("textarea", { rows: 2, maxlength: 4000, "aria-label": "Your message", placeholder: "Write a message …" });
    let typed = 0;
    text.addEventListener("input", () => {
      if (Date.now() - typed > TYPING_MS && linked && kept.contact) { typed = Date.now(); transmit({ type: "typing" }); }
    });
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
    });
    const file = el("input", { type: "file", class: "sr", tabindex: "-1", "aria-hidden": "true", accept: welcome.file_types.map((kind) => `.${kind === "jpeg" ? "jpg,.jpeg" : kind}`).join() });
    file.addEventListener("change", () => { if (file.files[0]) sendFile(file.files[0]); file.value = ""; });
    let sure = false;
    const end = el("button", { type: "button", class: "plain", onclick: () => {
      if (sure) transmit({ type: "end" });
      sure = true;
      end.textContent = "Really end it";
    } }, "End the chat");
    const form = el("form", { class: "write", onsubmit: (event) => {
      event.preventDefault();
      const words = text.value.trim();
      if (!words) return;
      const one = { id: newId(), text: words };
      kept.pending.push(one);
      keep();
      text.value = "";
      typed = 0;
      failed = "";
      if (linked && kept.contact) transmit({ type: "say", ...one });
      drawLog();
      log.scrollTop = log.scrollHeight;
    } },
    el("div", { class: "row" }, text, el("button", { type: "submit" }, "Send")),
    el("div", { class: "tools" },
      ...(welcome.file_types.length ? [el("button", { type: "button", class: "plain", onclick: () => file.click() }, "Send a file"), file] : []),
      ...(welcome.copies && kept.email ? [copyButton()] : []), end));
    panel.append(form);
  }

  const copyButton = () => {
    const button = el("button", { type: "button", class: "plain", onclick: () => { transmit({ type: "copy" }); button.textContent = `A copy goes to ${kept.email}`; button.disabled = true; } }, "Mail me a copy");
    return button;
  };

  function drawEnd() {
    const unanswered = UNANSWERED.includes(state.reason);
    if (unanswered && !draft) draft = [...messages.values()].filter((one) => one.by === "visitor").map((one) => one.text).join("\n").slice(0, 4000);
    panel.append(el("form", { class: "write", onsubmit: (event) => event.preventDefault() },
      el("div", { class: "tools" },
        el("button", { type: "button", class: "plain", onclick: save }, "Save the conversation"),
        el("button", { type: "button", class: "plain", onclick: anew }, unanswered ? "Leave a message" : "New chat"))));
  }

  function anew() {
    wordOnly = UNANSWERED.includes(state.reason);
    kept = { ...fresh(), name: kept.name, email: kept.email, open: true };
    keep();
    messages = new Map();
    drawn.clear();
    log.replaceChildren();
    last = 0;
    state = { state: "" };
    view = "";
    greet();
    draw();
  }

  function save() {
    const text = [...messages.values()].sort((a, b) => a.seq - b.seq).map((one) => `${one.by === "agent" ? one.name : kept.name || "You"}, ${new Date(one.at).toLocaleString()}\n${one.file ? one.file.name : one.text}\n`).join("\n");
    download(new Blob([text], { type: "text/plain" }), "conversation.txt");
  }

  function download(blob, name) {
    const link = el("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // --- files --------------------------------------------------------------------------------

  const hers = () => ({ "X-Chat-Contact": kept.contact, "X-Chat-Key": kept.key });

  async function sendFile(file) {
    if (file.size > welcome.file_bytes_max) return fail(`A file has at most ${size(welcome.file_bytes_max)}.`);
    const id = newId();
    fail(`Sending ${file.name} …`);
    for (let n = 0; n < TRIES; n += 1) {
      try {
        const answer = await fetch(`${base}/chat/${encodeURIComponent(door)}/files`, {
          method: "POST", body: file, credentials: "omit",
          headers: { ...hers(), "X-Chat-Id": id, "X-Chat-File": encodeURIComponent(file.name), "Content-Type": "application/octet-stream" },
        });
        if (answer.ok) return fail("");
        if (answer.status < 500) return fail((await answer.json()).detail || "That file could not be sent.");
      } catch { /* the link is lost: the same file again, under the same name */ }
      await new Promise((later) => { setTimeout(later, AGAIN_MS); });
    }
    fail(`${file.name} could not be sent. Try again later.`);
  }

  async function fetchFile(file) {
    try {
      const answer = await fetch(`${base}/chat/${encodeURIComponent(door)}/files/${file.blob}`, { headers: hers(), credentials: "omit" });
      if (!answer.ok) throw new Error();
      download(await answer.blob(), file.name);
    } catch {
      fail(`${file.name} could not be fetched.`);
    }
  }

  function fail(words) {
    failed = words;
    drawLog();
  }

  // --- the link -----------------------------------------------------------------------------

  function transmit(document) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(document));
  }

  const greet = () => transmit({ type: "hello", contact: kept.contact, key: kept.key, after: last });

  function connect() {
    if (socket) return;
    socket = new WebSocket(`${base.replace(/^http/, "ws")}/chat/${encodeURIComponent(door)}/ws`);
    socket.onopen = () => { lost = false; greet(); };
    socket.onmessage = (event) => { heard(JSON.parse(event.data)); draw(); };
    socket.onclose = () => {
      linked = false;
      lost = true;
      draw();
      const pause = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)];
      tries += 1;
      setTimeout(() => { socket = null; if (kept.open || kept.contact || kept.start || kept.word) connect(); }, pause * (0.75 + Math.random() / 2));
    };
  }

  function sayAgain() {
    if (kept.start) transmit({ type: "start", ...kept.start });
    if (kept.word) transmit({ type: "leave", ...kept.word });
    if (kept.contact && !over()) for (const one of kept.pending) transmit({ type: "say", ...one });
  }

  function heard(document) {
    const { type } = document;
    if (type === "welcome") {
      tries = 0;
      linked = true;
      welcome = document;
      if (kept.contact && !document.known) kept = { ...fresh(), name: kept.name, email: kept.email, open: kept.open };
      sayAgain();
    } else if (type === "started") {
      kept.contact = document.contact;
      kept.key = document.key;
      kept.start = null;
      keep();
      for (const one of kept.pending) transmit({ type: "say", ...one });
    } else if (type === "said") {
      for (const one of document.messages) {
        messages.set(one.seq, one);
        last = Math.max(last, one.seq);
        kept.pending = kept.pending.filter((mine) => mine.id !== one.id);
        if (one.by === "agent") typistUntil = 0;
      }
      keep();
    } else if (type === "state") {
      state = document;
      if (over()) { kept.pending = []; keep(); }
    } else if (type === "typing") {
      typist = document.name;
      typistUntil = Date.now() + SHOWN_MS;
      clearTimeout(idle);
      idle = setTimeout(draw, SHOWN_MS + 50);
    } else if (type === "taken") {
      kept.word = null;
      keep();
      change("taken");
    } else if (type === "refused") refused(document);
  }

  function refused({ id, code, words }) {
    if (code === "away" || code === "slow_down") {
      fail(words);
      setTimeout(() => { fail(""); sayAgain(); }, AGAIN_MS);
      return;
    }
    const asked = [kept.start, kept.word].find((one) => one?.id === id);
    if (asked) {
      draft = asked.text;
      kept.start = null;
      kept.word = null;
      keep();
      if (code === "closed") welcome.open = false;
      draw();
      say(code === "closed" ? "" : words);
      return;
    }
    kept.pending = kept.pending.filter((one) => one.id !== id);
    keep();
    fail(words);
  }

  const place = () => {
    document.body.append(host);
    if (inChat() || kept.word) connect();
    show(kept.open && (inChat() || Boolean(kept.word)), false);
  };
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);
})();
