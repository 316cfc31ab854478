/** What happened to a message, in order; several messages may have the same id. */
import { exactCount } from '../../../src/format/count.ts'
import type { Story } from '../../../src/http/api/shapes/messages.ts'
import { getJson } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { Icon, type IconName } from '../../parts/icon.tsx'
import { Empty, Loaded } from '../../parts/notices.tsx'
import { ClockTime, DateTime } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { linkTo } from '../../route.ts'
import { StoredMessage } from './stored-message.tsx'
import { sinceStart } from './story-times.ts'

type StoryMessage = Story['messages'][number]
type Kind = StoryMessage['steps'][number]['kind']

const ICONS: Readonly<Record<Kind, IconName>> = {
  came: 'channels',
  stored: 'ok',
  sent: 'destinations',
  delivered: 'ok',
  lost: 'down',
  receipt: 'messages',
  waiting: 'waiting',
  note: 'info',
}

export function MessageStory({ id }: { id: string }) {
  const story = useResource(`story ${id}`, (signal) =>
    getJson<Story>(`messages/${encodeURIComponent(id)}/story`, { signal }),
  )
  return (
    <Loaded resource={story}>
      {({ messages, notes }) => (
        <>
          {messages.length === 0 && (
            <Empty>
              Nothing is known of a message with the id “
              <VisibleText text={id} maxCharacters={256} />
              ”: it never arrived here, or it is no longer stored.
            </Empty>
          )}
          {messages.map((message, index) => (
            <StoryCard key={index} message={message} />
          ))}
          {notes.length > 0 && <Notes notes={notes} />}
          <div class="choices">
            <button type="button" class="button" onClick={story.reload}>
              <Icon name="reload" />
              Look again
            </button>
            <CopyButton text={location.href} label="Copy the link" shown="Copy the link" />
          </div>
        </>
      )}
    </Loaded>
  )
}

function StoryCard({ message: { channel, offset, steps } }: { message: StoryMessage }) {
  const start = steps.find(({ at }) => at !== null)?.at ?? null
  return (
    <section class="card story">
      <header class="page-head">
        <h2>
          {channel === null ? (
            'Refused on arrival'
          ) : (
            <a href={linkTo('channels', channel)}>
              <VisibleText text={channel} maxCharacters={128} />
            </a>
          )}
        </h2>
        <span class="quiet">
          {offset !== null && `offset ${exactCount(offset)} `}
          {start !== null && <DateTime at={start} />}
        </span>
      </header>
      <ol class="story-steps">
        {steps.map(({ at, kind, text }, index) => (
          <li key={index} class={`story-step is-${kind}`}>
            <Icon name={ICONS[kind]} />
            <span class="story-time quiet">
              {at === null || start === null ? (
                ''
              ) : at === start ? (
                <ClockTime at={at} />
              ) : (
                <span title={at}>{sinceStart(start, at)}</span>
              )}
            </span>
            <span>
              <VisibleText text={text} maxCharacters={2_000} />
            </span>
          </li>
        ))}
      </ol>
      {channel !== null && offset !== null && <StoredMessage channel={channel} offset={offset} />}
    </section>
  )
}

function Notes({ notes }: { notes: readonly string[] }) {
  return (
    <ul class="quiet">
      {notes.map((note) => (
        <li key={note}>
          <VisibleText text={note} maxCharacters={2_000} />
        </li>
      ))}
    </ul>
  )
}
