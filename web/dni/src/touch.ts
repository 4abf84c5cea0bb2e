// What is known about where a visitor came from: the parameters of the address, click ids, the RedTrack id.
// Nothing here is ever written into the page: these strings travel only inside JSON.

/** Names and values, both text. */
export type Values = Record<string, string>;

/** One arrival: its parameters beside `url`, `referrer` and `at` (ISO 8601). */
export type Touch = Values;

/** Kept on every site: campaign names and click ids (`gclid`, `gbraid`, `wbraid`, `fbclid`, `msclkid`, `ttclid`, `clickid`, …). */
const KEPT = /^utm_|braid$|^rtkc|cl(k|ick)?id$/i;

/**
 * Adds what says something to `into`, as text, within the limits of the protocol: 50 names of 64, values of 512 characters.
 * Says whether that changed anything.
 */
export const add = (into: Values, values: object): boolean => {
  let changed = false;
  for (const [name, value] of Object.entries(values)) {
    const text = `${value ?? ""}`.slice(0, 512);
    if (text && !name[64] && into[name] !== text && (into[name] || !Object.keys(into)[49])) {
      into[name] = text;
      changed = true;
    }
  }
  return changed;
};

/** The parameters of `url` that are kept everywhere, and those that `keep` names. */
export const pick = (url: string, keep: string[] = []): Values =>
  Object.fromEntries([...new URL(url).searchParams].filter(([name]) => KEPT.test(name) || keep.includes(name)));

/** RedTrack's click id, from the address or from its cookie. */
export const redtrackId = (params: Values, cookies: string): string | undefined =>
  params.clickid || params.rtkcid || params.rtkclickid || /rtkclickid-store=([^;]+)/.exec(cookies)?.[1];
