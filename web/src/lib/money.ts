const whole = new Intl.NumberFormat(undefined, { style: 'currency', currency: 'USD' });
const small = new Intl.NumberFormat(undefined, { style: 'currency', currency: 'USD', maximumSignificantDigits: 2 });

/** Millionths of a dollar, in words; nothing is known of the price when there is none. */
export function cost(micros: number | null | undefined): string {
  if (micros === null || micros === undefined) return 'no price';
  const dollars = micros / 1_000_000;
  return dollars !== 0 && Math.abs(dollars) < 0.1 ? small.format(dollars) : whole.format(dollars);
}

const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
export const many = (value: number) => (Math.abs(value) < 10_000 ? value.toLocaleString() : compact.format(value));
