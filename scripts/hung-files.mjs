// A reporter of node:test: names the files that did not end in time, and the tests they were in.

/** A file is also reported as a test. */
const isFile = ({ name, file }) => file?.endsWith(name) === true
const isLate = ({ details }) => details.error?.failureType === 'testTimeoutFailure'

// biome-ignore lint/style/noDefaultExport: as node:test wants it
export default async function* hungFiles(events) {
  /** The names of the tests that run, by their file. */
  const running = new Map()
  for await (const { type, data } of events) {
    const names = running.get(data.file)
    if (type === 'test:dequeue') {
      if (isFile(data)) running.set(data.file, new Set())
      else names?.add(data.name)
    } else if (type === 'test:complete') {
      names?.delete(data.name)
    } else if (type === 'test:fail' && isFile(data) && isLate(data)) {
      // Not before: what happened in a file may be reported after the file is complete.
      yield `${data.name} hung: ${reasonFrom([...names])}\n`
    }
  }
}

function reasonFrom(names) {
  return names.length === 0
    ? 'no test was running, so a socket, a timer or a child keeps its process alive'
    : `“${names.join(' › ')}” did not end`
}
