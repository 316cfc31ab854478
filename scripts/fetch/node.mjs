// Fetches the Node that the single executables contain, once for each kind of machine, from npm.
//   node scripts/fetch/node.mjs [x64|arm64]…
// NODES_DIRECTORY names the directory, if it is not to be the default one.
import { fetchNode } from '../release/executable-node.mjs'

const [, , ...given] = process.argv
for (const kind of given.length > 0 ? given : ['x64', 'arm64']) {
  try {
    fetchNode(kind)
  } catch (error) {
    console.error(`fetching Node for ${kind} failed: ${error.message}`)
    process.exitCode = 1
  }
}
