/** One server-sent event; JSON has no line breaks outside of its escapes. */
export function toSseEvent(id: string, data: unknown): string {
  return `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`
}
