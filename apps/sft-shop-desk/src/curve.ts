import type { Estimate, SftResult } from '@agl/algorithms'

/** One line of the learning curve: the base at 0, then each iteration. */
export interface Curve {
  readonly label: string
  readonly points: readonly Estimate[]
}

/** Validation reward by version. */
export function toCurve(label: string, { firstValReward, iterations }: SftResult): Curve {
  return { label, points: [firstValReward, ...iterations.map(({ valReward }) => valReward)] }
}

/** The curve as bars for a terminal; the shaded end of a bar is its 95 % interval. */
export function drawBars({ points }: Curve): string {
  const width = 50
  return points
    .map(({ mean, low, high }, index) => {
      const [from, middle, to] = [low, mean, high].map((value) => Math.round(value * width)) as [number, number, number]
      const bar = `${'█'.repeat(from)}${'▓'.repeat(middle - from)}${'░'.repeat(to - middle)}`.padEnd(width, '·')
      return `  ${(index === 0 ? 'base' : `round ${index}`).padEnd(8)} ${bar} ${mean.toFixed(3)}  [${low.toFixed(3)}, ${high.toFixed(3)}]`
    })
    .join('\n')
}

const size = { width: 760, height: 420, left: 64, right: 24, top: 56, bottom: 56 }
const colours = ['#2563eb', '#9ca3af']

/** The curves as an SVG picture: a line per curve with its 95 % interval as a band. */
export function drawSvg(curves: readonly Curve[], title: string): string {
  const last = Math.max(...curves.map(({ points }) => points.length)) - 1
  const x = (index: number): number => size.left + ((size.width - size.left - size.right) * index) / Math.max(last, 1)
  const y = (value: number): number => size.top + (size.height - size.top - size.bottom) * (1 - value)
  const path = (values: readonly (readonly [number, number])[]): string =>
    values.map(([px, py], index) => `${index === 0 ? 'M' : 'L'}${px.toFixed(1)} ${py.toFixed(1)}`).join(' ')

  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (value) =>
      `<line x1="${size.left}" x2="${size.width - size.right}" y1="${y(value)}" y2="${y(value)}" stroke="#e5e7eb"/>` +
      `<text x="${size.left - 10}" y="${y(value) + 4}" text-anchor="end">${value.toFixed(2)}</text>`,
  )
  const ticks = Array.from(
    { length: last + 1 },
    (_, index) =>
      `<text x="${x(index)}" y="${size.height - size.bottom + 22}" text-anchor="middle">${index === 0 ? 'base' : index}</text>`,
  )
  const lines = curves.map(({ label, points }, index) => {
    const colour = colours[index % colours.length]!
    const upper = points.map(({ high }, at) => [x(at), y(Math.min(high, 1))] as const)
    const lower = points.map(({ low }, at) => [x(at), y(Math.max(low, 0))] as const)
    const line = points.map(({ mean }, at) => [x(at), y(mean)] as const)
    const legend = { x: size.left + 12 + index * 220, y: size.top - 14 }
    return [
      `<path d="${path([...upper, ...lower.toReversed()])} Z" fill="${colour}" opacity="0.15"/>`,
      `<path d="${path(line)}" fill="none" stroke="${colour}" stroke-width="2.5"/>`,
      ...line.map(([cx, cy]) => `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="4" fill="${colour}"/>`),
      `<rect x="${legend.x}" y="${legend.y - 9}" width="18" height="4" fill="${colour}"/><text x="${legend.x + 26}" y="${legend.y - 3}">${label}</text>`,
    ].join('\n')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="system-ui, sans-serif" font-size="13" fill="#374151">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${size.left}" y="24" font-size="16" font-weight="600" fill="#111827">${title}</text>
${grid.join('\n')}
${ticks.join('\n')}
<text x="${(size.left + size.width - size.right) / 2}" y="${size.height - 12}" text-anchor="middle">training round</text>
${lines.join('\n')}
</svg>
`
}
