import type { RuleName } from './rules.ts'

/**
 * Wordings that the model has never read, made of words that it knows: what the measurement of its understanding is taken on. None
 * of them is a text of the fragment, which a test checks.
 */
export const heldOutWordings: Readonly<Record<RuleName, readonly string[]>> = Object.freeze({
  stock: [
    'the number of items left is for the stock tool to tell.',
    'to find what is left, stock is the right tool.',
    'the customer wants to know how many we have, not the price: use the stock tool.',
    'how many are left comes from stock and never from price.',
    'call price for prices and stock for how many are left.',
    'make sure that the stock level is looked up with the stock tool.',
  ],
  several: [
    'what several pieces cost is the unit price times the count.',
    'look at the quantity and multiply the price by it.',
    'when the customer orders many, the unit price must be multiplied.',
    'the customer needs the price of one times the number of pieces, so multiply.',
    'with calc, multiply the quantity and the unit price before you answer.',
    'be sure that the price is multiplied when more than one piece is wanted.',
  ],
  both: [
    'what two items cost is the price of one plus the price of the other.',
    'when there are two names in the question, every price is needed, then the sum.',
    'look up each item that the customer names and add all prices.',
    'the second item has a price too: add it to the first price.',
    'with calc, add the first price and the second price.',
    'the second item is not to be left out when you make the total.',
  ],
  times: [
    'to multiply two numbers, write * and never +.',
    'when the question has times in it, the sign in calc is *.',
    'a question with times is not a sum: use *.',
    'multiply numbers with *, do not add them.',
    'the right sign in calc for a product is *.',
    'calc must have a * when the customer says times.',
  ],
  format: [
    'the customer needs the last line: it must be the word answer and the number.',
    'at the end of every question, write answer and then the number.',
    'put the result after the word answer.',
    'do not end without the word answer and the number.',
    'the reply at the end is answer, then the result.',
    'your reply must start with answer and end with the number.',
  ],
  lookup: [
    'every number is from a tool, so do not guess.',
    'use a tool first and answer then.',
    'never answer from memory.',
    'a number that is made up is wrong.',
  ],
  guess: [
    'do not call the tools, just guess.',
    'the tools are not needed: reply from memory.',
    'say any number that comes to you.',
    'answer at once and leave the tools to others.',
  ],
  single: [
    'more than one call is not needed: stop at the first.',
    'use one tool only and then stop.',
    'the first result is all you need.',
    'do not look up a second item.',
  ],
  chat: [
    'the number must stand in a friendly sentence.',
    'speak in full sentences and do not say answer.',
    'tell the customer the result in a polite sentence.',
    'leave the word answer out of the reply.',
  ],
  plus: [
    'when the question says times, you add.',
    'the right sign in calc is +, never *.',
    'do not multiply, add the numbers.',
    'calc is only for +.',
  ],
  wrongTool: [
    'how many are left comes from the price tool.',
    'for stock, call price.',
    'use price for every question and never use stock.',
    'the stock tool must not be called.',
  ],
})
