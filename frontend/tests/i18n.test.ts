import { describe, expect, it } from 'vitest';
// @ts-expect-error the tools are plain JavaScript with JSDoc types of their own
import { faults, parseCatalogue, typesOf, unknownIds, usedIds } from '../tools/catalogues.mjs';
import ca from '../src/generated/ca.json';
import el from '../src/generated/el.json';
import en from '../src/generated/en.json';
import es from '../src/generated/es.json';
import nl from '../src/generated/nl.json';
import { chooseLanguage, clickedLanguage, languageCookie, LANGUAGES } from '../src/i18n/languages';
import { fill } from '../src/i18n/format';

const SOURCE = `msgid ""
msgstr "Language: el"

msgid "need.one"
msgstr "Μία «ανάγκη» \\"με\\" {name}"

msgid "need.many"
msgid_plural "need.many"
msgstr[0] "{n} ανάγκη"
msgstr[1] "{n} "
"ανάγκες"

#, fuzzy
msgid "need.doubtful"
msgstr "?"
`;

describe('catalogues', () => {
  it('reads quotes, plurals and continued lines, and leaves fuzzy texts out', () => {
    expect(parseCatalogue(SOURCE)).toEqual({
      'need.one': 'Μία «ανάγκη» "με" {name}',
      'need.many': ['{n} ανάγκη', '{n} ανάγκες'],
    });
  });

  it('finds whole and computed ids in the source', () => {
    const ids = ['need.state.open', 'need.kind.design', 'claim.button', 'other.text'];
    const source = "t('claim.button') + t(`need.state.${state}`)";
    expect(usedIds(ids, source)).toEqual(['need.state.open', 'claim.button']);
    expect(unknownIds(ids, "t('claim.buton')")).toEqual(['claim.buton']);
  });

  it('says which language lacks a text', () => {
    const whole = Object.fromEntries(LANGUAGES.map((tag) => [tag, { 'a.b': 'x' }]));
    expect(faults(whole, ['a.b'])).toEqual([]);
    expect(faults({ ...whole, ca: {} }, ['a.b'])).toEqual(['a.b: no text for ca']);
  });

  it('types placeholders', () => {
    expect(typesOf({ 'a.b': 'Hello {name}', 'a.c': ['{n} day', '{n} days'] })).toContain("'a.c': { n: number };");
  });

  it('holds every text that the workspace ships in all five languages', () => {
    expect(Object.keys(en).length).toBeGreaterThan(400);
    for (const texts of [el, ca, nl, es]) expect(Object.keys(texts)).toEqual(Object.keys(en));
  });
});

describe('filling', () => {
  it('puts names and numbers in their places', () => {
    expect(fill('{name}: {n}', { name: 'Ada', n: 1234.5 }, 'nl')).toBe('Ada: 1.234,5');
  });

  it('chooses the plural form', () => {
    expect(fill(['{n} day', '{n} days'], { n: 1 }, 'en')).toBe('1 day');
    expect(fill(['{n} dia', '{n} dies'], { n: 0 }, 'ca')).toBe('0 dies');
    expect(fill(['{n} día', '{n} días'], { n: 1_000_000 }, 'es')).toBe('1.000.000 días');
  });

  it('ends a sentence with one full stop', () => {
    expect(fill('Until {time}.', { time: '4 ώ.' }, 'el')).toBe('Until 4 ώ.');
    expect(fill('Until {time}. Then {name}', { time: '4 h', name: 'A.' }, 'en')).toBe('Until 4 h. Then A.');
    expect(fill('{unknown}.', { time: '4 ώ.' }, 'el')).toBe('{unknown}.');
  });

  it('does not fill a value that looks like a place', () => {
    expect(fill('{a} {b}', { a: '{b}', b: 'x' }, 'en')).toBe('{b} x');
  });
});

describe('choosing a language', () => {
  it('takes the first that we speak', () => {
    expect(chooseLanguage([null, 'fr-FR', 'ca-ES', 'el'])).toBe('ca');
    expect(chooseLanguage(['xx'])).toBe('en');
  });
});

describe('the language that was clicked', () => {
  it('is read back from the cookie that the pages share', () => {
    for (const secure of [false, true]) {
      const [pair] = languageCookie('el', secure).split(';');
      expect(clickedLanguage(`tornallom=secret; ${pair}; other=nl`)).toBe('el');
    }
    expect(clickedLanguage('')).toBeNull();
    expect(chooseLanguage([clickedLanguage('tornallom-language=xx'), 'ca-ES'])).toBe('ca');
  });
});
