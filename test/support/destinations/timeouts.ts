/** What tests set as a destination’s `timeout`. */

/** No answer takes as long, even on a busy machine. */
export const PATIENT_MS = 10_000

/** For peers that hang: nothing that is sent with it arrives. */
export const IMPATIENT_MS = 500

/** For peers that hang first and answer then. */
export const SECOND_TRY_MS = 1_500
