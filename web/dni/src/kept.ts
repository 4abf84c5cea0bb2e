// What outlives a page: one JSON text in `localStorage` under `ccp:<tag>`. Where storage is blocked every page stands alone.
import type { Rules } from "./page";
import type { Touch } from "./touch";

/** Times are wall-clock milliseconds. */
export interface Kept {
  visit?: string;
  lease?: string | null;
  number?: string | null;
  display?: string | null;
  /** Until when the number may be shown. */
  expires_at?: number;
  /** Not before this is the platform asked again. */
  renew_at?: number;
  /** The latest time at which any page of this site wrote. */
  seen_at: number;
  replace?: Rules;
  first?: Touch;
  last?: Touch;
  /** Open pages of this site, each with the time it was last heard of. */
  tabs: Record<string, number>;
}

export const nothing = (): Kept => ({ seen_at: 0, tabs: {} });

/** Whether the browser refused storage on this page. */
export let blocked = false;

/** What is stored; undefined when nothing is, or nothing readable. */
export const read = (key: string): Kept | undefined => {
  try {
    const kept = JSON.parse(localStorage[key]);
    return kept.tabs && kept;
  } catch {
    return undefined;
  }
};

/** Writes `kept` down. The latest time seen never goes back: a clock set back must not revive a dead lease. */
export const write = (key: string, kept: Kept): void => {
  try {
    kept.seen_at = Math.max(kept.seen_at, Date.now());
    localStorage[key] = JSON.stringify(kept);
  } catch {
    // Refused or full: from here on the page keeps to its own memory, which something older would replace.
    blocked = true;
  }
};
