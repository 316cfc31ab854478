/** Advice on the data directory, as `run` and `check` print it beside other notices. */
import { accessAdvice } from '../channels/disk/files/directory-access.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'

/** Empty if there is none, or if nothing is stored on disk. */
export async function directoryAdvice({ storage }: ConnectorConfig): Promise<string[]> {
  if (storage.durability === 'memory') return []
  const advice = await accessAdvice(storage.directory)
  return advice === undefined ? [] : [advice]
}
