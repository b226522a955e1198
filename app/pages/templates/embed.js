// <tornallom-needs>: needs of a Tornallom instance on your site. https://www.gnu.org/licenses/agpl-3.0
// Dependency-free; asks its own instance only, keeps nothing, sets nothing but text and links.
(() => {
  'use strict';
  const FAILED = __FAILED__;
  const NAMES = ['q', 'skill', 'hours', 'stream', 'kind', 'organisation', 'urgency', 'region', 'remote', 'limit', 'tz', 'lang'];
  const home = document.currentScript?.src ? new URL(document.currentScript.src).origin : '';

  const make = (tag, name, text, language) => {
    const made = document.createElement(tag);
    made.className = `tornallom-${name}`;
    if (text !== undefined) made.textContent = String(text);
    if (language) made.lang = String(language);
    return made;
  };

  const link = (name, text, address, language) => {
    const made = make('a', name, text, language);
    // Whatever an answer says: a link leads to a page.
    if (/^https?:\/\//i.test(String(address))) made.href = String(address);
    made.referrerPolicy = 'no-referrer';
    return made;
  };

  const item = (need) => {
    const made = make('li', 'need');
    const facts = make('p', 'facts');
    facts.append(make('span', 'organisation', need.organisation));
    for (const fact of need.facts) facts.append(' · ', make('span', 'fact', fact));
    made.append(link('title', need.title, need.url, need.language), facts);
    if (need.excerpt) made.append(make('p', 'excerpt', need.excerpt, need.language));
    const since = make('p', 'since');
    const time = make('time', 'time', need.since);
    time.dateTime = String(need.published);
    since.append(time);
    made.append(since);
    return made;
  };

  class TornallomNeeds extends HTMLElement {
    static observedAttributes = ['instance', 'language', ...NAMES];
    #asked = 0;

    connectedCallback() {
      this.#show();
    }

    attributeChangedCallback() {
      if (this.isConnected && this.#asked) this.#show();
    }

    #address() {
      const address = new URL('/embed/needs.json', this.getAttribute('instance') || home || location.href);
      for (const name of NAMES) {
        const value = this.getAttribute(name);
        if (value) address.searchParams.set(name, value);
      }
      for (const code of (this.getAttribute('language') || '').split(/[\s,]+/).filter(Boolean)) {
        address.searchParams.append('language', code);
      }
      return address;
    }

    async #show() {
      // Several attributes change in one go: only the last question is asked.
      const mine = ++this.#asked;
      await Promise.resolve();
      if (mine !== this.#asked) return;
      this.setAttribute('aria-busy', 'true');
      try {
        const answer = await fetch(this.#address(), { credentials: 'omit', referrerPolicy: 'no-referrer' });
        if (!answer.ok) throw new Error(String(answer.status));
        const shown = await answer.json();
        if (mine === this.#asked) this.#fill(shown);
      } catch {
        if (mine === this.#asked) this.#fail();
      }
      if (mine === this.#asked) this.removeAttribute('aria-busy');
    }

    #fill(shown) {
      const section = make('section', 'needs', undefined, shown.language);
      section.setAttribute('aria-label', shown.title);
      if (shown.items.length) {
        const list = make('ul', 'list');
        list.append(...shown.items.map(item));
        section.append(list);
      } else {
        section.append(make('p', 'empty', shown.labels.empty));
      }
      const more = make('p', 'more');
      more.append(link('link', shown.labels.more, shown.url));
      section.append(more);
      this.replaceChildren(section);
    }

    // The links that the page came with stay: they lead to the same place.
    #fail() {
      this.querySelector('.tornallom-failed')?.remove();
      const language = (this.getAttribute('lang') || document.documentElement.lang || 'en').slice(0, 2);
      const said = make('p', 'failed', FAILED[language] || FAILED.en);
      said.setAttribute('role', 'status');
      this.append(said);
    }
  }

  if (!customElements.get('tornallom-needs')) customElements.define('tornallom-needs', TornallomNeeds);
})();
