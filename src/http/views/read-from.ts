/**
 * Where reading begins: the oldest message, the next one to arrive, an offset, or a time (ms since
 * 1970).
 */
export type ReadFrom =
  | 'earliest'
  | 'now'
  | { readonly offset: number }
  | { readonly timeMs: number }
