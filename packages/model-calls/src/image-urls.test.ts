import { expect, test } from 'vitest'
import { imageUrlsOf } from './image-urls.ts'

const image = (url: unknown) => ({ type: 'image_url', image_url: { url } })

test('all images in order, from parts and from their JSON text', () => {
  const messages = [
    { role: 'user', content: [{ type: 'text', text: 'a' }, image('1'), image('2')] },
    { role: 'assistant', content: 'none' },
    { role: 'user', content: JSON.stringify([image('3')]) },
  ]
  expect(imageUrlsOf(messages)).toEqual(['1', '2', '3'])
})

test('a map with numbers for keys, and one message', () => {
  expect(imageUrlsOf({ 10: { content: [image('b')] }, 9: { content: [image('a')] }, filter: {} })).toEqual(['a', 'b'])
  expect(imageUrlsOf({ role: 'user', content: [image('a')] })).toEqual(['a'])
})

test('anything else holds none', () => {
  const others = [
    null,
    undefined,
    3,
    'text',
    [null, 3],
    [{ content: '[broken' }],
    [{ content: [image(3), { type: 'image_url' }, null] }],
  ]
  expect(others.flatMap(imageUrlsOf)).toEqual([])
})
