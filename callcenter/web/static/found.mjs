// What a sheet reads from the API: by itself while it is open, or when somebody asks.

import { useEffect, useRef, useState } from "./vendor/preact-hooks.mjs";
import { ask } from "./live.mjs";
import { html } from "./page.mjs";

const AGAIN_MS = 1500;
const TRIES_MAX = 5;

/**
 * What the API says at `path`: `[found, trouble]`. Asked again, not too often, when `pulse` changes
 * and, a few times, while it is not `complete`: what ended a moment ago may still be on its way
 * into the history.
 */
export function useFound(path, pulse, complete = () => true) {
  const [found, setFound] = useState({});
  useEffect(() => {
    let tries = 0;
    let timer = setTimeout(read, found.path === path ? AGAIN_MS : 0);
    async function read() {
      tries += 1;
      const got = await ask(path).then((value) => ({ path, value }), (error) => ({ path, trouble: error.message }));
      if (timer === null) return;
      setFound(got);
      if (got.value && !complete(got.value) && tries < TRIES_MAX) timer = setTimeout(read, AGAIN_MS);
    }
    return () => {
      clearTimeout(timer);
      timer = null;
    };
  }, [path, pulse]);
  return found.path === path ? [found.value, found.trouble] : [undefined, undefined];
}

/** `[found, trouble, asking, begin]` of a question that is asked when `begin` is called. */
export function useQuestion(path) {
  const [state, setState] = useState({});
  const shown = useRef(true);
  useEffect(() => () => { shown.current = false; }, []);
  async function begin() {
    setState({ asking: true });
    const got = await ask(path).then((value) => ({ found: value }), (error) => ({ trouble: error.message }));
    if (shown.current) setState(got);
  }
  return [state.found, state.trouble, state.asking ?? false, begin];
}

export const Trouble = ({ words }) => html`<p class="notice bad" role="alert">${words}</p>`;
export const Reading = () => html`<p class="empty">Reading …</p>`;
