/** What a text asks for cannot be done. The message is for its author and holds no value of a variable. */
export class BadArgument extends Error {
  override readonly name = 'BadArgument'
}
