// What no bundle of the program contains, and what stands in for a package in all of them.
import { join } from 'node:path'

/** For esbuild's `external`. */
export const NOT_BUNDLED = [
  'pg-native', // pg has a replacement for it
  '@duckdb/node-api', // native code, for one kind of machine
  // Parts of fastify that it loads when a route has a schema, or for `inject`: never, here.
  ...['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request'],
  'bowser', // with which the AWS clients recognise browsers
]

/** For esbuild's `alias`. */
export const REPLACED = {
  // The other form of the package reads a file beside it.
  '@platformatic/wasm-utils': join(
    import.meta.dirname,
    '../node_modules/@platformatic/wasm-utils/dist/bundled.js',
  ),
}
