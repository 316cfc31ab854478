/** The oldest Node that runs the program, as `engines` in package.json says. */
const MAJOR = 20
const MINOR = 19

/** A sentence if this version of Node is too old. */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > MAJOR || (major === MAJOR && minor >= MINOR)) return undefined
  return `error: iot-analytics-connector needs Node ${MAJOR}.${MINOR} or newer; this is Node ${version}`
}
