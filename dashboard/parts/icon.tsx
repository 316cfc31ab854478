/** Icons of Lucide, always beside a word: they say nothing to a screen reader. */
import {
  Activity,
  BookOpenCheck,
  CircleAlert,
  CircleCheck,
  CircleX,
  Clock,
  Database,
  Ellipsis,
  Gauge,
  Inbox,
  Moon,
  Pause,
  Play,
  RefreshCw,
  Send,
  Settings,
  Sun,
  TriangleAlert,
  Users,
  X,
} from 'lucide'
import { createElement } from 'preact'

const ICONS = {
  overview: Gauge,
  channels: Inbox,
  destinations: Send,
  messages: Activity,
  query: Database,
  clients: Users,
  ledger: BookOpenCheck,
  config: Settings,
  more: Ellipsis,
  ok: CircleCheck,
  attention: TriangleAlert,
  down: CircleX,
  info: CircleAlert,
  waiting: Clock,
  reload: RefreshCw,
  pause: Pause,
  play: Play,
  light: Sun,
  dark: Moon,
  close: X,
} as const

export type IconName = keyof typeof ICONS

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {ICONS[name].map(([tag, attributes]) => createElement(tag, attributes))}
    </svg>
  )
}
