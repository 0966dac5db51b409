// The sign-in: a name and a password for a desk, or a token link for a wall.

import { h, render } from "./vendor/preact.mjs";
import { useState } from "./vendor/preact-hooks.mjs";
import htm from "./vendor/htm.mjs";

const html = htm.bind(h);
const next = new URLSearchParams(location.search).get("next") ?? "/desk";

function Door() {
  const [trouble, setTrouble] = useState("");
  const [busy, setBusy] = useState(false);
  async function enter(event) {
    event.preventDefault();
    setBusy(true);
    setTrouble("");
    const form = new FormData(event.target);
    try {
      const answer = await fetch("/api/v1/session", {
        method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ user: form.get("user"), password: form.get("password") }),
      });
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || "That name and password do not fit.");
      location.href = next.startsWith("/") && !next.startsWith("//") ? next : "/desk";
    } catch (error) {
      setTrouble(error.message);
      setBusy(false);
    }
  }
  return html`
    <div class="door"><form class="card" onSubmit=${enter}>
      <div class="title"><img src="/static/icon.svg" alt="" />Sign in</div>
      ${trouble ? html`<p class="notice bad" role="alert">${trouble}</p>` : ""}
      <label>Name<input name="user" autocomplete="username" required autofocus /></label>
      <label>Password<input name="password" type="password" autocomplete="current-password" required /></label>
      <button class="main" disabled=${busy}>Sign in</button>
    </form></div>`;
}

render(html`<${Door} />`, document.getElementById("page"));
