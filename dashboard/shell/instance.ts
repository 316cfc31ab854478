import { hello, overview } from '../live/store.ts'

/** The name of the machine, or of the connector; a general one until it is known. */
export function instanceName(): string {
  return overview.value?.instance ?? hello.value?.instance ?? 'connector'
}
