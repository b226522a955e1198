/** Things that do not belong in a text that others will read. */
export type Leak = 'email' | 'phone' | 'password' | 'address';

const PATTERNS: Record<Leak, RegExp> = {
  email: /[\w.+-]+@[\w-]+\.[\w.-]{2,}/u,
  // A year, a range of numbers or a version is not a phone number: nine digits or more are.
  phone: /(?:\+|\b00)?(?:\d[\s().-]?){9,14}\d?(?!\d)/u,
  password: /(?:pass(?:word|wd)?|κωδικ[όο]ς|contrasenya|contraseña|wachtwoord)\s*[:=]\s*\S+/iu,
  address: /\b(?:\d+\s+\p{Lu}\p{L}+\s+(?:street|road|avenue|lane)|(?:carrer|calle|οδ[όο]ς|straat)\s+\p{L}+\s*,?\s+\d+|\p{Lu}\p{L}+(?:straat|laan|plein|gracht)\s+\d+)/iu,
};

export function findLeaks(text: string): Leak[] {
  return (Object.keys(PATTERNS) as Leak[]).filter((leak) => PATTERNS[leak].test(text));
}
