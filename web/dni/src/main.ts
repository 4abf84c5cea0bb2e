// The life of the script on one page: which number is shown, when the platform is asked, what is kept and when all of it ends.
// The exchange with the platform is written down in PROTOCOL.md.
import { blocked, nothing, read, write } from "./kept";
import { remaining, Safety } from "./lease";
import { show, type Rules } from "./page";
import { add, pick, redtrackId, type Values } from "./touch";

interface Answer {
  visit?: string;
  lease?: string | null;
  number?: string | null;
  display?: string | null;
  ttl_ms?: number;
  renew_ms?: number;
  replace?: Rules;
}

type Push = Record<string, unknown>;
type Pushes = Push[] & Record<string, unknown>;

// An enum, since its members are written into the code as numbers.
const enum Limit {
  TIMEOUT_MS = 3000,
  RETRY_MS = 5000,
  /** Between two questions, where an answer does not say or none came. */
  RENEW_MS = 150_000,
  BEAT_MS = 500,
  VALUE_SENDS = 5,
  /** RedTrack's id is looked for at 0, 4, 8, 12 and 16 seconds. */
  REDTRACK_EVERY = 8,
  REDTRACK_BEATS = 33,
  /** For how long a number that was given back may still be shown; shorter than any closed-browser delay. */
  RELEASED_MS = 20_000,
  /** A page that wrote nothing for this long holds the number no longer. */
  TAB_SILENT_MS = 3_600_000,
}

const page = window as unknown as Record<string, unknown>;
/** Knows where a page is left for; not every browser has it. */
const navigation = page.navigation as EventTarget | undefined;
const script = document.currentScript as HTMLScriptElement;
const base = new URL("/dni/", script.src);
const { tag, consent } = script.dataset;
const key = "ccp:" + tag;
const me = `${Math.random()}`;

/** Whether anything may be stored or sent. */
let on = false;
/** In the back-forward cache, where no number may be found. */
let away = false;
let kept = nothing();
/** The lease's end and the time of the next question, on the page's own clock. */
let ends = 0;
let askAt = 0;
/** Whether the visitor did anything since the platform was last asked. */
let used = true;
let asking = false;
let failed = false;
/** On the way to another page of this site. */
let staying = false;
let ticks = 0;

let href = location.href;
const values: Values = {};
let unsent = false;
let sends = 0;

/** Nothing that goes wrong here may reach the page. */
const safely =
  <T>(action: (given: T) => void) =>
  (given?: T): void => {
    try {
      action(given!);
    } catch {}
  };

const now = (): number => performance.now();
const left = (): number => (kept.number ? remaining(kept, ends) : 0);

/** Takes over what another page of this site may have written. Where everything was erased, nothing goes on here either. */
const load = (): void => {
  if (blocked) return;
  const found = read(key);
  if (!found) return end();
  const ahead = now() - Date.now();
  const same = found.expires_at === kept.expires_at;
  kept = found;
  // The same lease keeps the end it has on this page's clock: setting the wall clock back gives it no later one.
  if (!same) {
    ends = found.expires_at! + ahead;
    if (left() > 0) askAt = found.renew_at! + ahead;
  }
};

/**
 * Sees to everything that is due. Called twice a second: timers set for the moment when something will be due would miss a clock that
 * is changed and a machine that slept. Values pushed one by one are sent together by the same means.
 */
const tick = safely(() => {
  if (on && !away) load();
  if (!on || away) return;
  // In a single-page application the address changes without a new page.
  if (href !== location.href) {
    href = location.href;
    landed();
  }
  if (ticks < Limit.REDTRACK_BEATS && !(ticks++ % Limit.REDTRACK_EVERY)) {
    const id = redtrackId(values, document.cookie) || page.rtkClickID;
    take({ clickid: id || (blocked ? "" : localStorage["rtkclickid-store"]) });
  }
  show(left() > 0 ? kept.number : null, kept.display!, kept.replace);
  if (asking) return;
  if (used && !document.hidden && now() >= askAt) void ask();
  else if (unsent && kept.visit && sends++ < Limit.VALUE_SENDS) {
    unsent = false;
    // What is lost here goes with the next renewal.
    post({ values_only: true }).catch(() => {});
  }
});

/** Addresses are cut at 2,048 characters. */
const here = () => ({ url: href.slice(0, 2048), referrer: document.referrer.slice(0, 2048) });

const post = async (more?: object): Promise<Answer> => {
  const { visit, lease, first, last } = kept;
  const answer = await fetch(`${base}lookup`, {
    method: "POST",
    credentials: "omit",
    // An old browser without `timeout` waits longer; the answer's lease is counted from the question all the same.
    signal: AbortSignal.timeout?.(Limit.TIMEOUT_MS),
    body: JSON.stringify({ tag, visit, lease, page: here(), params: values, first, last, ...more }),
  });
  if (!answer.ok) throw 0;
  return answer.json();
};

/** Asks for a number, or for more time with the one at hand. */
const ask = async (): Promise<void> => {
  asking = true;
  used = unsent = false;
  // Counted from before the question left, a lease ends here no later than there.
  const sent = now();
  const at = Date.now();
  try {
    const answer = await post();
    if (on) load();
    if (on) {
      failed = false;
      const ttl = answer.ttl_ms! - Safety.MS;
      const renew = answer.renew_ms || Limit.RENEW_MS;
      kept = { ...kept, ...answer, expires_at: at + ttl, renew_at: at + renew, seen_at: at };
      ends = sent + ttl;
      askAt = sent + renew;
      // Which further parameters are kept is known only now, on a first visit.
      landed();
    } else release(answer.lease);
  } catch {
    // One more try soon; after that only when the visitor does something, and no sooner than a renewal.
    askAt = now() + (failed ? Limit.RENEW_MS : Limit.RETRY_MS);
    used = !failed;
    failed = true;
  }
  asking = false;
  tick();
};

const release = (lease?: string | null): void => {
  if (lease) navigator.sendBeacon(`${base}release`, JSON.stringify({ tag, lease }));
};

/** Writes everything down, with the arrival: the first is kept for good, the last is the latest that says where the visitor came from. */
const landed = (arriving?: boolean): void => {
  const found = pick(href, kept.replace?.keep);
  const { url, referrer } = here();
  const named = add(values, found);
  const again = kept.last?.url === url;
  if (!again && (!kept.first || named || (arriving && referrer && !referrer.startsWith(location.origin)))) {
    kept.last = { url, referrer, at: new Date().toISOString() };
    kept.first ||= kept.last;
  }
  for (const touch of [kept.first, kept.last]) if (touch?.url === url) add(touch, found);
  // A page loaded again says nothing new.
  if (named && !(again && arriving)) unsent = true;
  kept.tabs[me] = Date.now();
  write(key, kept);
};

const begin = (): void => {
  load();
  on = true;
  landed(true);
};

/** Forgets everything about the visitor and gives the number back. */
const withdraw = (): void => {
  load();
  release(kept.lease);
  end();
  delete localStorage[key];
};

const end = (): void => {
  on = false;
  kept = nothing();
  show();
};

/** One thing the site pushed: its consent, or values. `type` is the menu in which Ringba's tags report a value. */
const take = safely(({ consent, type, ...more }: Push) => {
  if (consent === false) withdraw();
  if (consent && !on) {
    begin();
    tick();
  }
  if (add(values, more)) unsent = true;
});

const accepting = (name: string): Pushes => {
  const pushes = (page[name] ||= []) as Pushes;
  const push = pushes.push;
  pushes.forEach(take);
  pushes.push = (...more: Push[]) => {
    more.forEach(take);
    return push.apply(pushes, more);
  };
  return pushes;
};

/**
 * The page is left, or frozen. It holds no number while it rests, since nobody could take it away in time. The number is given back when
 * this is certainly the visitor's last page here.
 */
const leave = (returning: boolean): void => {
  away = true;
  if (on) load();
  if (!on) return;
  let alone = true;
  for (const tab in kept.tabs) {
    // A page whose end nobody noticed is forgotten after a while.
    if (tab === me || Date.now() - kept.tabs[tab]! > Limit.TAB_SILENT_MS) delete kept.tabs[tab];
    else alone = false;
  }
  if (!returning && left() > Limit.RELEASED_MS && (blocked || (navigation && !staying && alone))) {
    release(kept.lease);
    // Nobody else gets it for thirty seconds: a page of this site that opens meanwhile shows it at once, and asks for it again.
    kept.expires_at = Date.now() + Limit.RELEASED_MS;
    kept.renew_at = 0;
  }
  write(key, kept);
  show();
};

const hear = safely(({ type, persisted }: { type: string; persisted?: boolean }) => {
  used = true;
  if (/hide|freeze/.test(type)) leave(persisted !== false);
  // A page on its way into the cache is told that it is hidden after it was told that it is left.
  else if (!document.hidden) {
    away = false;
    // Whoever comes back, or taps on a link, must find the number of this moment.
    if (type !== "pointermove") tick();
  }
});

// The snippet twice on a page is one script.
if (!page[key]) {
  page[key] = 1;
  if (!consent) begin();
  accepting("_ccp");
  accepting("_rgba_tags");
  // What was pushed before the script came goes with the first question.
  tick();
  navigation?.addEventListener(
    "navigate",
    safely((event: any) => {
      const { sameDocument, url } = event.destination;
      staying = !sameDocument && url.startsWith(location.origin);
    }),
  );
  for (const name of "click pointermove pointerdown keydown pagehide pageshow freeze visibilitychange".split(" ")) {
    addEventListener(name, hear as EventListener, true);
  }
  setInterval(tick, Limit.BEAT_MS);
}
