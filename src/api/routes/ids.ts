const ID = /^[A-Za-z0-9_-]{1,64}$/

/** Whether a path can name something at all. What cannot is not found, without asking the store. */
export const isId = (text: string): boolean => ID.test(text)
