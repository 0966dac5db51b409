// What every page shares: templates, a ticking time, the theme, full screen.

import { h } from "./vendor/preact.mjs";
import { useLayoutEffect } from "./vendor/preact-hooks.mjs";
import { signal } from "./vendor/signals.mjs";
import htm from "./vendor/htm.mjs";
import { ago, clockTime, span } from "./words.mjs";

export const html = htm.bind(h);

/** Time since `time`, running with the `clock` signal; a dash for what never was (the epoch). */
export function Ago({ time, clock }) {
  const words = Date.parse(time) > 0 ? span(ago(time, clock.value)) : "–";
  return html`<time datetime=${time}>${words}</time>`;
}

const THEMES = { auto: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };
const theme = signal(localStorage.getItem("theme") ?? "auto");

function setTheme(name) {
  theme.value = THEMES[name] ? name : "auto";
  localStorage.setItem("theme", theme.value);
  document.documentElement.dataset.theme = theme.value;
}
setTheme(theme.value);

/** Light, dark, or as the system says. */
export function ThemeButton() {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(theme.value) + 1) % names.length];
  return html`<button class="plain" onClick=${() => setTheme(next)}>${THEMES[theme.value]}</button>`;
}

const isFull = signal(false);
document.addEventListener("fullscreenchange", () => {
  isFull.value = document.fullscreenElement !== null;
  document.documentElement.classList.toggle("board", isFull.value);
});

/** Fill the screen, or come back. */
export function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen().catch(() => {});
}

/** For a screen on a wall. */
export function FullButton() {
  return html`<button class="plain wide-only" onClick=${toggleFull}>${isFull.value ? "Leave full screen" : "Full screen"}</button>`;
}

/** Call `keys[key]` when it is pressed outside a field and without a modifier. */
export function onKeys(keys) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.closest("input, textarea, select, dialog[open]")) return;
    const act = keys[event.key.toLowerCase()];
    if (act) {
      event.preventDefault();
      act();
    }
  });
}

/** After the paint of the state `at`, says so in `<html data-painted>`: event to paint is measured by it. */
export function usePainted(at) {
  useLayoutEffect(() => {
    requestAnimationFrame(() => setTimeout(() => {
      document.documentElement.dataset.painted = at;
    }));
  }, [at]);
}

/** The state of the link, in words. */
export function LinkSign({ link }) {
  const [tone, words] = link.stale.value ? ["stale", "Stale"] : link.down.value ? ["down", "Reconnecting"] : ["", "Live"];
  return html`<span class=${`link ${tone}`}>${words}</span>`;
}

/** Across the page while what it shows is old: because the link is lost, or the server's own store is away. */
export function StaleStamp({ link }) {
  const lost = link.stale.value;
  const since = lost ? link.since.value : link.state.value?.stale_since;
  return html`<div role="alert">${since && html`
    <p class="stamp"><b>Stale since ${clockTime(since)}</b>${lost
      ? "The link to the server is lost; connecting again. Nothing below is current."
      : "The server cannot read its store. Nothing below is current."}</p>`}</div>`;
}
