/** The forms in which messages are shown. */
export const MESSAGE_FORMS = ['text', 'json', 'raw', 'value'] as const
export type MessageForm = (typeof MESSAGE_FORMS)[number]
