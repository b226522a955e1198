/** What an address leads to, short enough for a narrow column: the host, or the scheme's own words. */
export function shortLink(link: string): string {
  try {
    const url = new URL(link);
    return url.host || url.pathname || link;
  } catch {
    return link;
  }
}
