// Codes and numbers as people read them: presences, reasons, times and shares.
//
// Why: one table, so that the wall and the desk call a thing by the same name.

const two = (n) => String(n).padStart(2, "0");

/** Seconds as a running clock: `0:04`, `2:05`, `1:02:03`. */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** An average or a limit: `18 s`, `2:05 min`; a dash for nothing. */
export function seconds(value) {
  if (value === null || value === undefined) return "–";
  return value < 100 ? `${Math.round(value)} s` : span(value);
}

/** A wait that is still to come, as a range: `under 1 min`, `1–2 min`, `5–8 min`; a dash for nothing. */
export function waitRange(expected, promised) {
  if (promised === null || promised === undefined) return "–";
  const most = Math.max(1, Math.ceil(promised / 60));
  const least = Math.min(Math.floor(Math.max(0, expected) / 60), most - 1);
  return most === 1 ? "under 1 min" : `${least}–${most} min`;
}

/** Seconds from an RFC 3339 time to `now` (ms). */
export const ago = (time, now) => (time ? Math.max(0, (now - Date.parse(time)) / 1000) : 0);

/** A share as `83 %`, rounded down so that a missed goal is never shown as reached. */
export const percent = (share) =>
  share === null || share === undefined ? "–" : `${Math.floor(share * 100 + 1e-6)} %`;

/** A moment as a clock on the wall of this browser. */
export const clockTime = (time) => new Date(time).toLocaleTimeString([], { hour12: false });

/** The age of the oldest undecided command. */
export const lagWords = (lag) => (lag < 1 ? `${Math.round(lag * 1000)} ms` : `${lag.toFixed(1)} s`);

export const PRESENCE = {
  logged_out: "Logged out", not_ready: "Not ready", ready: "Ready", reserved: "Ringing",
  talking: "Talking", wrap_up: "Wrap-up",
};

/** What somebody who does not call has sent. */
export const CHANNELS = {
  email: "Mail", fax: "Fax", voicemail: "Message", chat: "Chat",
};

const REASONS = {
  rona: "no answer", declined: "declined a call", "phone-busy": "phone busy",
  removed: "removed from the center",
};

/** A reason or code in words. */
export const plain = (code) => REASONS[code] ?? (code ?? "").replace(/[-_]/g, " ");

/** A presence with its reason: `Not ready: lunch`. */
export const presenceWords = (presence, reason) =>
  (PRESENCE[presence] ?? plain(presence)) + (reason ? `: ${plain(reason)}` : "");

/** `lunch break` as a label: `Lunch break`. */
export const label = (code) => {
  const words = plain(code);
  return words.charAt(0).toUpperCase() + words.slice(1);
};

const LANGUAGES = { en: "English", es: "Spanish", te: "Telugu" };

/** An IVR answer as a screen shows it. */
export const attribute = (name, value) =>
  name === "language" ? (LANGUAGES[value] ?? value) : plain(value);
