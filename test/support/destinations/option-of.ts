import type { DestinationConfig } from '../../../src/config/connector-config.ts'

/** An option of a destination, of whatever kind it is. */
export function optionOf(destination: DestinationConfig | undefined, name: string): unknown {
  return destination === undefined ? undefined : Reflect.get(destination.options, name)
}
