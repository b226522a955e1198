export type Text = string | string[];
export type Values = Record<string, string | number>;

/** Fill a text's named places; of a plural, first take the form that `n` asks for. */
export function fill(text: Text, values: Values | undefined, language: string): string {
  const form = Array.isArray(text) ? pluralForm(text, values?.['n'], language) : text;
  if (!values) return form;
  // A value that ends in a full stop ("4 ώ.") takes that of the sentence with it.
  return form.replace(/\{([a-z][a-z0-9_]*)\}(\.?)/g, (place, name: string, stop: string) => {
    const value = values[name];
    if (value === undefined) return place;
    const text = typeof value === 'number' ? formatNumber(value, language) : value;
    return text + (text.endsWith('.') ? '' : stop);
  });
}

function pluralForm(forms: string[], count: string | number | undefined, language: string): string {
  // The catalogues hold two forms in all five languages; "many" (a million) reads as "other".
  const one = new Intl.PluralRules(language).select(Number(count)) === 'one';
  return (one ? forms[0] : forms[1]) ?? '';
}

export function formatNumber(value: number, language: string, digits = 1): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}
