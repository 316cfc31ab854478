import { overview } from '../live/store.ts'
import { Dialog } from '../parts/dialog.tsx'
import { isHelpOpen } from './keyboard.ts'

const KEYS: readonly (readonly [key: string, does: string])[] = [
  ['/', 'search on this page'],
  ['?', 'this help'],
  ['Esc', 'close what is open'],
  ['Ctrl-Enter', 'run the query'],
]

export function Help() {
  return (
    <Dialog title="Help" onClose={() => (isHelpOpen.value = false)}>
      <dl class="keys">
        {KEYS.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p>
        Rates are means of the last 10 s. “Stored” means safe on disk and acknowledged. Times are in
        the zone that the switch at the bottom of the navigation says.
      </p>
      <p class="quiet">iot-analytics-connector {overview.value?.version}</p>
    </Dialog>
  )
}
