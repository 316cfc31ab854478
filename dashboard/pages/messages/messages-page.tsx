/** Finding a message: the story of the one in the address; without one, the dead letters. */
import { useSignal } from '@preact/signals'
import { linkTo } from '../../route.ts'
import { goTo, route } from '../../shell/current-route.ts'
import { DeadLetters } from './dead-letters.tsx'
import { MessageStory } from './message-story.tsx'

/** Longer ones are not remembered, and would not fit into an address. */
const MAX_ID = 256

export function MessagesPage() {
  const { name } = route.value
  return (
    <>
      <h1>Messages</h1>
      <FindMessage id={name} />
      {name === '' ? <DeadLetters /> : <MessageStory id={name} />}
    </>
  )
}

function FindMessage({ id }: { id: string }) {
  const typed = useSignal(id)
  const submit = (event: Event): void => {
    event.preventDefault()
    const wanted = typed.value.trim()
    if (wanted !== '') goTo(linkTo('messages', wanted))
  }
  return (
    <form class="controls" onSubmit={submit}>
      <label class="field find-message">
        What happened to
        <input
          type="search"
          data-search
          placeholder="the id of a message"
          maxLength={MAX_ID}
          value={typed.value}
          onInput={({ currentTarget }) => (typed.value = currentTarget.value)}
        />
      </label>
      <button type="submit" class="button is-main">
        Find
      </button>
      {id !== '' && <a href={linkTo('messages')}>Dead letters</a>}
    </form>
  )
}
