/** One figure of the first screen: its name, the value, and a line of explanation. */
import type { ComponentChildren } from 'preact'

export interface TileProps {
  readonly label: string
  readonly children: ComponentChildren
  readonly note?: ComponentChildren
  /** A link to where there is more. */
  readonly href?: string
  readonly tone?: 'attention' | 'bad' | undefined
  readonly class?: string
}

export function Tile({ label, children, note, href, tone, class: name = '' }: TileProps) {
  return (
    <section class={`tile ${name} ${tone === undefined ? '' : `is-${tone}`}`}>
      <h2 class="label">{href === undefined ? label : <a href={href}>{label}</a>}</h2>
      <div class="tile-value">{children}</div>
      {note !== undefined && <div class="tile-note">{note}</div>}
    </section>
  )
}
