// The sign-in: an agent's name and web password. Links with a token need no sign-in.

import { render } from "./vendor/preact.mjs";
import { signal } from "./vendor/signals.mjs";
import { ThemeButton, html } from "./page.mjs";

const query = new URLSearchParams(location.search);
const REASONS = {
  link: "This link is no longer valid. Ask for a new one, or sign in.",
  insecure: "The link was opened over plain HTTP from another machine, where it would be sent in the clear. Open it with https, or on the server itself.",
};
const trouble = signal(REASONS[query.get("reason")] ?? "");
const busy = signal(false);

/** Where to go afterwards: a page of ours, never another host. */
function destination() {
  const next = new URL(query.get("next") ?? "/desk", location.origin);
  return next.origin === location.origin ? next.pathname + next.search : "/desk";
}

async function enter(event) {
  event.preventDefault();
  busy.value = true;
  trouble.value = "";
  const form = new FormData(event.target);
  try {
    const answer = await fetch("/api/v1/session", {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ agent: form.get("agent").trim(), password: form.get("password") }),
    });
    const found = await answer.json().catch(() => ({}));
    if (answer.ok) {
      location.assign(destination());
      return;
    }
    trouble.value = answer.status === 401 ? "The name or the password is wrong."
      : `Signing in did not work: ${found.detail || found.title || `error ${answer.status}`}.`;
  } catch {
    trouble.value = "The server does not answer. Try again in a moment.";
  }
  busy.value = false;
}

function Door() {
  return html`
    <main class="door"><form class="pane" onSubmit=${enter}>
      <h1>Sign in</h1>
      ${trouble.value && html`<p class="notice bad" role="alert">${trouble.value}</p>`}
      <label>Name<input name="agent" autocomplete="username" autocapitalize="none" required autofocus /></label>
      <label>Password<input name="password" type="password" autocomplete="current-password" required /></label>
      <button class="main" disabled=${busy.value}>Sign in</button>
      <${ThemeButton} />
    </form></main>`;
}

render(html`<${Door} />`, document.getElementById("page"));
