/** Names of channels. API reference, CreateChannel. */

export const CHANNEL_NAME = /^(?!__)[A-Za-z0-9_]{1,128}$/

/** Goes after "a channel name is" or "expected a channel name:". */
export const CHANNEL_NAME_RULE = '1 to 128 of A-Z a-z 0-9 _, not beginning with two underscores'

export function isChannelName(text: string): boolean {
  return CHANNEL_NAME.test(text)
}
