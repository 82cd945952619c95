/** `runner.leaseMs` and `runner.lease_ms` are `--runner.lease-ms`. */
export function flagName(path: readonly PropertyKey[]): string {
  return `--${path.map((key) => kebab(String(key))).join('.')}`
}

export function kebab(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()
}
