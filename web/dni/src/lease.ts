// Until when a number may be shown.
//
// What must stay true: no number is shown after its signed lease has ended, whatever the clocks do. Two clocks are asked and the
// stricter one counts: the wall clock goes on while the machine sleeps but can be set back; the page's own clock cannot be set but may
// stand still during sleep.

/** A second before the lease's end it counts as ended: timers come late and a page takes a moment to draw. */
export const enum Safety {
  MS = 1000,
}

/** The ends of a lease on the wall clock, in milliseconds. */
export interface Ends {
  /** Stored, so that the next page knows it. */
  expires_at?: number;
  /** The latest time at which any page of this site wrote the lease down. */
  seen_at: number;
}

/** Milliseconds for which the number may still be shown; nothing above zero: no longer. `end` is on the page's own clock. */
export const remaining = (ends: Ends, end: number, wall = Date.now(), page = performance.now()): number =>
  // A clock behind what was already seen has been set back: how far is unknown, so nothing stored can be trusted.
  wall < ends.seen_at - Safety.MS ? 0 : Math.min(ends.expires_at! - wall, end - page);
