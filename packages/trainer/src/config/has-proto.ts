/** Whether a value of JSON has a key that whatever copies it later would take for the prototype. */
export function hasProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasProto)
}
