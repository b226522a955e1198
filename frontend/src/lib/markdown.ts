// The small part of Markdown that people use in a need. It becomes a tree of plain values that
// Svelte draws as elements: no HTML text is ever made, so nothing can be smuggled in.
export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong'; parts: Inline[] }
  | { kind: 'emphasis'; parts: Inline[] }
  | { kind: 'link'; href: string; parts: Inline[] };

export type Block =
  | { kind: 'paragraph'; parts: Inline[] }
  | { kind: 'heading'; parts: Inline[] }
  | { kind: 'quote'; parts: Inline[] }
  | { kind: 'code'; text: string }
  | { kind: 'list'; ordered: boolean; items: Inline[][] };

const LINK = /^(https?:\/\/|mailto:)[^\s<>"]+$/;
const NEST_MAX = 4;
const INLINE =
  /`([^`\n]+)`|\*\*([^*\n]+)\*\*|(?<![\p{L}\p{N}_])__([^_\n]+)__(?![\p{L}\p{N}_])|\*([^*\s][^*\n]*)\*|(?<![\p{L}\p{N}_])_([^_\s][^_\n]*)_(?![\p{L}\p{N}_])|\[([^\]\n]+)\]\(([^()\s]+)\)|<(https?:\/\/[^\s<>"]+)>|(https?:\/\/[^\s<>"'`)\]]*[^\s<>"'`)\].,;:!?])/u;

export function readInline(text: string, depth = 0): Inline[] {
  const parts: Inline[] = [];
  let rest = text;
  for (let found = INLINE.exec(rest); found && depth < NEST_MAX; found = INLINE.exec(rest)) {
    if (found.index > 0) parts.push({ kind: 'text', text: rest.slice(0, found.index) });
    parts.push(inlineOf(found, depth));
    rest = rest.slice(found.index + found[0].length);
  }
  if (rest) parts.push({ kind: 'text', text: rest });
  return parts;
}

function inlineOf(found: RegExpExecArray, depth: number): Inline {
  const [whole, code, strongStar, strongLine, star, line, label, target, angled, plain] = found;
  const inner = (text: string) => readInline(text, depth + 1);
  if (code !== undefined) return { kind: 'code', text: code };
  const strong = strongStar ?? strongLine;
  if (strong !== undefined) return { kind: 'strong', parts: inner(strong) };
  const emphasis = star ?? line;
  if (emphasis !== undefined) return { kind: 'emphasis', parts: inner(emphasis) };
  const bare = angled ?? plain;
  if (bare !== undefined) return { kind: 'link', href: bare, parts: [{ kind: 'text', text: bare }] };
  if (label !== undefined && target !== undefined && LINK.test(target)) {
    return { kind: 'link', href: target, parts: [{ kind: 'text', text: label }] };
  }
  return { kind: 'text', text: whole };
}

const ITEM = /^\s{0,3}(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/;

export function readMarkdown(source: string): Block[] {
  const lines = source.replaceAll('\r\n', '\n').split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? '';
    if (!line.trim()) {
      at++;
      continue;
    }
    const taken = takeBlock(lines, at);
    blocks.push(taken.block);
    at = taken.next;
  }
  return blocks;
}

interface Taken {
  block: Block;
  next: number;
}

function takeBlock(lines: string[], at: number): Taken {
  const line = lines[at] ?? '';
  if (line.startsWith('```')) return takeCode(lines, at);
  const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line);
  if (heading) return { block: { kind: 'heading', parts: readInline(heading[1] ?? '') }, next: at + 1 };
  if (ITEM.test(line)) return takeList(lines, at);
  if (line.startsWith('>')) return takeWhile(lines, at, 'quote', (one) => one.startsWith('>'));
  return takeWhile(lines, at, 'paragraph', (one) => one.trim() !== '' && !/^(#{1,6}\s|```|>)/.test(one) && !ITEM.test(one));
}

function takeCode(lines: string[], at: number): Taken {
  let end = at + 1;
  while (end < lines.length && !lines[end]?.startsWith('```')) end++;
  return { block: { kind: 'code', text: lines.slice(at + 1, end).join('\n') }, next: end + 1 };
}

function takeList(lines: string[], at: number): Taken {
  const ordered = ITEM.exec(lines[at] ?? '')?.[2] !== undefined;
  const items: string[] = [];
  let end = at;
  for (; end < lines.length; end++) {
    const line = lines[end] ?? '';
    const found = ITEM.exec(line);
    if (found && (found[2] !== undefined) === ordered) items.push(found[3] ?? '');
    else if (items.length && /^\s{2,}\S/.test(line)) items.push(`${items.pop()} ${line.trim()}`);
    else break;
  }
  return { block: { kind: 'list', ordered, items: items.map((item) => readInline(item)) }, next: end };
}

function takeWhile(lines: string[], at: number, kind: 'quote' | 'paragraph', fits: (line: string) => boolean): Taken {
  let end = at;
  while (end < lines.length && (end === at || fits(lines[end] ?? ''))) end++;
  const text = lines.slice(at, end).map((line) => (kind === 'quote' ? line.replace(/^>\s?/, '') : line)).join('\n');
  return { block: { kind, parts: readInline(text) }, next: end };
}

/** The words alone, for a card. */
export function plainText(source: string): string {
  const words = (parts: Inline[]): string =>
    parts.map((part) => ('parts' in part ? words(part.parts) : part.text)).join('');
  return readMarkdown(source)
    .map((block) => {
      if (block.kind === 'code') return block.text;
      return block.kind === 'list' ? block.items.map(words).join(' · ') : words(block.parts);
    })
    .join(' ');
}
