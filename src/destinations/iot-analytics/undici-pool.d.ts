/**
 * undici's pool by itself. Its index loads fetch, WebSocket, caches and mocks too, and with them
 * Node's own copy of it: 8 MB and 150 ms that a sender of POST requests has no use for.
 */
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici'
  export = Pool
}
