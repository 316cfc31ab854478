/** A state as colour, sign and word, so that it needs no colours to be read. */
import type { ComponentChildren } from 'preact'
import { Icon, type IconName } from './icon.tsx'

/** `busy`: it works and has something to make up for. */
export type State = 'ok' | 'busy' | 'attention' | 'down' | 'quiet'

const ICONS: Readonly<Record<State, IconName>> = {
  ok: 'ok',
  busy: 'reload',
  attention: 'attention',
  down: 'down',
  quiet: 'waiting',
}

export function StateBadge({ state, children }: { state: State; children: ComponentChildren }) {
  return (
    <span class={`badge is-${state}`}>
      <Icon name={ICONS[state]} />
      {children}
    </span>
  )
}
