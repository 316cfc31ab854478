/** Loads the client library of a destination. Such libraries are optional dependencies. */
import { ConnectorError, messageOf, systemCodeOf } from '../errors.ts'

/**
 * @param what the package and the version to install: `pg`, `@platformatic/kafka@1.35.0`
 * @throws {ConnectorError} InvalidConfiguration if it is not installed
 */
export async function loadPackage<Loaded>(
  what: string,
  place: string,
  load: () => Promise<Loaded>,
): Promise<Loaded> {
  try {
    return await load()
  } catch (error) {
    const isMissing = systemCodeOf(error) === 'ERR_MODULE_NOT_FOUND'
    const reason = isMissing
      ? 'which is not installed'
      : `which can’t be loaded: ${messageOf(error)}`
    throw new ConnectorError(
      'InvalidConfiguration',
      `${place} needs the package ${what}, ${reason}. Run: npm install ${what}`,
      { cause: error },
    )
  }
}
