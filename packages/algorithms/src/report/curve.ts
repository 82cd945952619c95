import type { Estimate } from '../statistics.ts'

/** One line of a learning curve: where the run began at 0, then each round. */
export interface Curve {
  readonly label: string
  readonly points: readonly Estimate[]
}

/** The curve as bars for a terminal; the shaded end of a bar is its 95 % interval. */
export function drawCurveBars({ points }: Curve): string {
  const width = 50
  const { place } = scaleOf([{ label: '', points }])
  return points
    .map(({ mean, low, high }, index) => {
      const [from, middle, to] = [low, mean, high].map((value) => Math.round(place(value) * width)) as [number, number, number]
      const bar = `${'█'.repeat(from)}${'▓'.repeat(middle - from)}${'░'.repeat(to - middle)}`.padEnd(width, '·')
      return `  ${(index === 0 ? 'base' : `round ${index}`).padEnd(8)} ${bar} ${mean.toFixed(3)}  [${low.toFixed(3)}, ${high.toFixed(3)}]`
    })
    .join('\n')
}

/** From 0 to 1, as most rewards are, and further where a mean lies outside; intervals are cut there. */
function scaleOf(curves: readonly Curve[]): { least: number; most: number; place(value: number): number } {
  const means = curves.flatMap(({ points }) => points.map(({ mean }) => mean)).filter(Number.isFinite)
  const [least, most] = [Math.min(0, ...means), Math.max(1, ...means)]
  return { least, most, place: (value) => (Math.min(most, Math.max(least, value)) - least) / (most - least) }
}

const size = { width: 760, height: 420, left: 64, right: 24, top: 56, bottom: 56 }
const colours = ['#2563eb', '#9ca3af']

/** The curves as an SVG picture: a line per curve with its 95 % interval as a band. */
export function drawCurves(curves: readonly Curve[], title: string): string {
  const last = Math.max(...curves.map(({ points }) => points.length)) - 1
  const x = (index: number): number => size.left + ((size.width - size.left - size.right) * index) / Math.max(last, 1)
  const { least, most, place } = scaleOf(curves)
  const y = (value: number): number => size.top + (size.height - size.top - size.bottom) * (1 - place(value))
  const path = (values: readonly (readonly [number, number])[]): string =>
    values.map(([px, py], index) => `${index === 0 ? 'M' : 'L'}${px.toFixed(1)} ${py.toFixed(1)}`).join(' ')

  const grid = [0, 0.25, 0.5, 0.75, 1]
    .map((share) => least + share * (most - least))
    .map(
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
    const upper = points.map(({ high }, at) => [x(at), y(high)] as const)
    const lower = points.map(({ low }, at) => [x(at), y(low)] as const)
    const line = points.map(({ mean }, at) => [x(at), y(mean)] as const)
    const legend = { x: size.left + 12 + index * 220, y: size.top - 14 }
    return [
      `<path d="${path([...upper, ...lower.toReversed()])} Z" fill="${colour}" opacity="0.15"/>`,
      `<path d="${path(line)}" fill="none" stroke="${colour}" stroke-width="2.5"/>`,
      ...line.map(([cx, cy]) => `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="4" fill="${colour}"/>`),
      `<rect x="${legend.x}" y="${legend.y - 9}" width="18" height="4" fill="${colour}"/><text x="${legend.x + 26}" y="${legend.y - 3}">${escaped(label)}</text>`,
    ].join('\n')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="system-ui, sans-serif" font-size="13" fill="#374151">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${size.left}" y="24" font-size="16" font-weight="600" fill="#111827">${escaped(title)}</text>
${grid.join('\n')}
${ticks.join('\n')}
<text x="${(size.left + size.width - size.right) / 2}" y="${size.height - 12}" text-anchor="middle">round</text>
${lines.join('\n')}
</svg>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
