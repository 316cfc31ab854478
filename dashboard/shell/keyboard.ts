/** Keys that work on every page: `/` goes to the search of the page, `?` opens the help. */
import { signal } from '@preact/signals'

export const isHelpOpen = signal(false)

/** Call once. A page marks its search with `data-search`. */
export function listenForKeys(): void {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
    if (event.key === '?') isHelpOpen.value = true
    if (event.key !== '/') return
    const search = document.querySelector<HTMLElement>('[data-search]')
    if (search === null) return
    event.preventDefault()
    search.focus()
  })
}

/** The editor is in a shadow root, where the target of the event is its host. */
function isTyping(event: KeyboardEvent): boolean {
  const [target] = event.composedPath()
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName))
  )
}
