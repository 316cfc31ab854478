/** The rail at the left, on a phone the bar at the bottom. */
import { useSignal } from '@preact/signals'
import { destinations, overview } from '../live/store.ts'
import { TITLES } from '../pages.ts'
import { Icon } from '../parts/icon.tsx'
import { VisibleText } from '../parts/visible-text.tsx'
import { linkTo, PAGES, type PageName } from '../route.ts'
import { route } from './current-route.ts'
import { instanceName } from './instance.ts'
import { LinkState, Switches } from './switches.tsx'

/** The pages that have a place in the bar of a phone. */
const IN_BAR = 3

export function Navigation() {
  const isMoreOpen = useSignal(false)
  return (
    <header class={`rail ${isMoreOpen.value ? 'is-open' : ''}`}>
      <a class="rail-name" href={linkTo('overview')}>
        <VisibleText text={instanceName()} maxCharacters={40} />
      </a>
      <nav aria-label="Pages">
        <ul>
          {PAGES.map((page, index) => (
            <li key={page} class={index < IN_BAR ? '' : 'is-more'}>
              <PageLink page={page} onClick={() => (isMoreOpen.value = false)} />
            </li>
          ))}
          <li class="only-narrow">
            <button
              type="button"
              class="rail-link"
              aria-expanded={isMoreOpen.value}
              onClick={() => (isMoreOpen.value = !isMoreOpen.value)}
            >
              <Icon name="more" />
              More
            </button>
          </li>
        </ul>
      </nav>
      <div class="rail-foot">
        <LinkState />
        <Switches />
      </div>
    </header>
  )
}

function PageLink({ page, onClick }: { page: PageName; onClick: () => void }) {
  const isCurrent = route.value.page === page
  const trouble = page === 'destinations' ? destinationsInTrouble() : 0
  return (
    <a
      class="rail-link"
      href={linkTo(page)}
      aria-current={isCurrent ? 'page' : undefined}
      onClick={onClick}
    >
      <Icon name={page} />
      {TITLES[page]}
      {trouble > 0 && (
        <span class="rail-count" title={`${trouble} not working`}>
          {trouble}
          <span class="visually-hidden"> not working</span>
        </span>
      )}
    </a>
  )
}

function destinationsInTrouble(): number {
  const known = overview.value?.destinations ?? destinations.value?.destinations ?? []
  return known.filter(({ state }) => state !== 'working').length
}
