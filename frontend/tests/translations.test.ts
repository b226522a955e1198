import { describe, expect, it } from 'vitest';
import { ownWords } from '../src/lib/translations';

const need = { language: 'ca', translations: [{ language: 'el' }, { language: 'es-419' }, { language: 'es' }] };

describe('the words of a need', () => {
  it('are its own for who reads its language, whatever the region', () => {
    expect(ownWords(need, 'ca')).toBeNull();
    expect(ownWords({ ...need, language: 'ca-ES' }, 'ca')).toBeNull();
  });
  it('are the translation of the same tag first, then of the same language', () => {
    expect(ownWords(need, 'es')?.language).toBe('es');
    expect(ownWords(need, 'el-CY')?.language).toBe('el');
  });
  it('stay its own where nobody translated', () => {
    expect(ownWords(need, 'nl')).toBeNull();
  });
});
