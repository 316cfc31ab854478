/** What a person has chosen for this browser: colours, and the zone of times. */
import { effect, type Signal, signal } from '@preact/signals'
import type { Zone } from '../../src/format/time.ts'

export type Theme = 'system' | 'light' | 'dark'

export const theme = remembered<Theme>('theme', ['system', 'light', 'dark'])
export const zone = remembered<Zone>('zone', ['local', 'utc'])

/** Call once: keeps the document in the chosen colours. */
export function applyTheme(): void {
  effect(() => {
    const { value } = theme
    if (value === 'system') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = value
  })
}

/** The first choice is the default. Storage may be forbidden; then choices last as long as the page. */
function remembered<Choice extends string>(key: string, choices: readonly [Choice, ...Choice[]]) {
  const stored = read(key)
  const chosen: Signal<Choice> = signal(choices.find((choice) => choice === stored) ?? choices[0])
  effect(() => write(key, chosen.value))
  return chosen
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(`iot-analytics-connector.${key}`)
  } catch {
    return null
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(`iot-analytics-connector.${key}`, value)
  } catch {
    // Private windows and full storage: the choice is not remembered.
  }
}
