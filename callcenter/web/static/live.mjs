// The live link of a tab: one WebSocket, a snapshot, then what changed; it comes back by itself.
//
// Why: a wall must never show old numbers as if they were new. The link keeps the time of the last
// word from the server; a screen asks `stale` and says so.

import { signal } from "./vendor/signals.mjs";

const QUIET_MS = 4000; // no word for so long: stale
const RETRY_MS = [250, 500, 1000, 2000, 3000];

/** Follow `topic`. Returns signals: `state`, `stale`, `since` (ms of the last word). */
export function follow(topic) {
  const state = signal(null);
  const stale = signal(false);
  const since = signal(0);
  const clock = signal(Date.now());
  let tries = 0;
  let offset = 0;

  function heard(message) {
    since.value = Date.now();
    stale.value = false;
    if (message.type === "snapshot" && message.topic === topic) {
      state.value = message.state;
    } else if (message.type === "delta" && message.topic === topic && state.value) {
      state.value = { ...state.value, ...(message.state ?? message.changes ?? {}) };
    }
    const at = state.value?.at;
    if (at) offset = Date.parse(at) - Date.now();
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws`);
    socket.onopen = () => socket.send(JSON.stringify({ subscribe: [topic] }));
    socket.onmessage = (event) => {
      tries = 0;
      heard(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (event.code === 4401 || event.code === 1008) {
        location.href = `/login?next=${encodeURIComponent(location.pathname)}`;
        return;
      }
      setTimeout(connect, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
    };
  }

  setInterval(() => {
    clock.value = Date.now() + offset;
    stale.value = since.value > 0 && Date.now() - since.value > QUIET_MS;
  }, 500);
  connect();
  return { state, stale, since, clock };
}

/** Ask the API. Resolves to its document; rejects with an Error whose text can be shown. */
export async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf() },
    body: JSON.stringify(body),
  };
  const answer = await fetch(`/api/v1/${path}`, { credentials: "same-origin", ...options });
  const document_ = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(document_.detail || document_.title || `Error ${answer.status}`);
  return document_;
}

function csrf() {
  const found = document.cookie.match(/(?:^|; )(?:__Host-)?(?:cc_)?csrf=([^;]+)/);
  return found ? decodeURIComponent(found[1]) : "";
}

/** Seconds as `4 s`, `2:05` or `1:02:03`. */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Seconds from an RFC 3339 time to `now` (ms). */
export const ago = (time, now) => (time ? Math.max(0, (now - Date.parse(time)) / 1000) : 0);

/** A share as `83 %`; a dash where there is nothing to divide. */
export const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(share * 100)} %`);

/** A presence in words. */
export const PRESENCE = {
  logged_out: "Logged out", not_ready: "Not ready", ready: "Ready", reserved: "Ringing",
  talking: "Talking", wrap_up: "Wrap-up",
};
