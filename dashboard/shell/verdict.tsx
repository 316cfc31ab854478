/**
 * Does it work, and if not, what is wrong: on the overview in sentences, on other pages in one line,
 * and there only if something is wrong.
 */
import type { Verdict as VerdictShape } from '../../src/http/api/shapes/overview.ts'
import { overview } from '../live/store.ts'
import { Icon, type IconName } from '../parts/icon.tsx'
import { Age, DateTime } from '../parts/times.tsx'
import { VisibleText } from '../parts/visible-text.tsx'
import { linkTo } from '../route.ts'
import { route } from './current-route.ts'

const ICONS: Readonly<Record<VerdictShape['level'], IconName>> = {
  ok: 'ok',
  warning: 'attention',
  critical: 'down',
}
const SHOWN_PROBLEMS = 3
/** The figures below must not be pushed out of sight. */
const SENTENCE_CHARACTERS = 600

export function Verdict() {
  const { verdict } = overview.value ?? {}
  const isOverview = route.value.page === 'overview'
  if (verdict === undefined) return null
  if (!isOverview && verdict.level === 'ok') return null
  return (
    <section class={`verdict is-${verdict.level} ${isOverview ? '' : 'is-short'}`}>
      <Icon name={ICONS[verdict.level]} />
      <div class="verdict-body">
        {/* The ages in it tick, so only the sentences are announced. */}
        <div aria-live="polite">
          {isOverview ? (
            <Sentences verdict={verdict} />
          ) : (
            <p>
              <VisibleText text={verdict.summary} maxCharacters={SENTENCE_CHARACTERS} />
            </p>
          )}
        </div>
        {isOverview && (
          <p class="quiet">
            Since <DateTime at={verdict.since} />, <Age of={verdict.since} />.
          </p>
        )}
      </div>
      {!isOverview && <a href={linkTo('overview')}>See it</a>}
    </section>
  )
}

function Sentences({ verdict: { summary, problems } }: { verdict: VerdictShape }) {
  const shown = problems.slice(0, SHOWN_PROBLEMS)
  const more = problems.length - shown.length
  return (
    <>
      <p class="verdict-text">
        <VisibleText text={summary} maxCharacters={SENTENCE_CHARACTERS} />
      </p>
      {shown.map((problem) => (
        <p key={problem}>
          <VisibleText text={sentence(problem)} maxCharacters={SENTENCE_CHARACTERS} />
        </p>
      ))}
      {more > 0 && <p class="quiet">And {more} more.</p>}
    </>
  )
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
