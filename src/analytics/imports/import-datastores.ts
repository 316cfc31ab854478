/** The datastores that rows are imported for: SQL knows only those that are defined. */
import { declaredSchemaOf } from '../datastores/schema/declared-schema.ts'
import { type DatastoreDefinition, datastoreDefinition } from '../resources/datastore-definition.ts'
import { ResourceStore } from '../resources/resource-store.ts'

export interface ImportDatastore {
  /** Undefined: the values decide. */
  readonly columns: readonly { readonly name: string; readonly type: string }[] | undefined
  /** It was defined for the import, with the defaults. */
  readonly isNew: boolean
}

export interface ImportDatastoresOptions {
  /** The data directory, which no connector uses. */
  readonly directory: string
  readonly now: () => number
  /** Called with a sentence for each definition that can't be used. */
  readonly onDamage: (what: string) => void
}

/**
 * Defines those that are not.
 * @throws {ConnectorError} StorageFailed
 */
export async function importDatastores(
  names: readonly string[],
  options: ImportDatastoresOptions,
): Promise<ReadonlyMap<string, ImportDatastore>> {
  const found = new Map<string, ImportDatastore>()
  if (names.length === 0) return found
  const resources = new ResourceStore(options)
  await resources.open()
  for (const name of names) {
    const defined = resources.datastores.get(name)?.definition
    const definition = defined ?? datastoreDefinition.parse({})
    if (defined === undefined) {
      await resources.change(() => resources.datastores.put(name, { definition }))
    }
    found.set(name, { columns: columnsOf(definition), isNew: defined === undefined })
  }
  return found
}

/** Columns that can't be made are reported when a pipeline is defined for them. */
function columnsOf(definition: DatastoreDefinition): ImportDatastore['columns'] {
  try {
    return declaredSchemaOf(definition)
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined
    throw thrown
  }
}
