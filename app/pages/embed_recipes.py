"""The code that other sites copy: our element, and how servers fetch the piece of a page. Pure.

docs/embed.md explains the same recipes; a test holds the two together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import escape

from app.pages.feed_documents import FeedHead

PHP = """\
<?php
$address = '%(address)s';
$kept = __DIR__ . '/tornallom-needs.html';
if (!is_file($kept) || time() - filemtime($kept) > 300) {
    $wait = stream_context_create(['http' => ['timeout' => 5]]);
    $fresh = @file_get_contents($address, false, $wait);
    if ($fresh !== false) {
        file_put_contents($kept, $fresh, LOCK_EX);
    }
}
if (is_file($kept)) {
    readfile($kept);
}
"""
WORDPRESS = """\
<?php
// functions.php of your theme; then write [tornallom_needs] in a page.
add_shortcode('tornallom_needs', function () {
    $kept = get_transient('tornallom_needs');
    if ($kept === false) {
        $answer = wp_remote_get('%(address)s', ['timeout' => 5]);
        if (wp_remote_retrieve_response_code($answer) !== 200) {
            return '<a href="%(list)s">%(title)s</a>';
        }
        $kept = wp_kses_post(wp_remote_retrieve_body($answer));
        set_transient('tornallom_needs', $kept, 300);
    }
    return $kept;
});
"""
HUGO = """\
{{ with try (resources.GetRemote "%(address)s") }}
  {{ with .Err }}
    {{ warnf "The needs could not be fetched: %%s" . }}
  {{ else with .Value }}
    {{ .Content | safeHTML }}
  {{ end }}
{{ end }}
"""
NGINX = """\
# In http: where the answers are kept.
proxy_cache_path /var/cache/nginx/tornallom keys_zone=tornallom:1m;

# In server: nothing of your visitors is passed on.
location = /tornallom-needs {
    internal;
    proxy_pass %(address)s;
    proxy_pass_request_headers off;
    proxy_ssl_server_name on;
    proxy_cache tornallom;
    proxy_cache_valid 200 5m;
    proxy_cache_use_stale error timeout updating;
}

# In the location of your pages: ssi on; and in the page itself:
# <!--# include virtual="/tornallom-needs" -->
"""
RECIPES: Mapping[str, str] = {"PHP": PHP, "WordPress": WORDPRESS, "Hugo": HUGO, "nginx": NGINX}


@dataclass(frozen=True)
class Shown:
    """What is to be shown elsewhere: the filters, how many, and where a day begins."""

    head: FeedHead
    limit: int
    time_zone: str

    @property
    def pairs(self) -> Sequence[tuple[str, str]]:
        """The query that the piece and the data are asked for with."""
        return [*self.head.pairs, ("limit", str(self.limit)), ("tz", self.time_zone)]

    def address(self, path: str) -> str:
        """Return where the piece or the data is."""
        head = FeedHead(
            self.head.origin, self.head.language, self.head.title, self.pairs, self.head.author
        )
        return head.address(path)


def attributes(shown: Shown) -> dict[str, str]:
    """Return the attributes of our element; several languages are words of one."""
    found = {"instance": shown.head.origin}
    for name, value in shown.pairs:
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


def element(shown: Shown, words: str) -> str:
    """Write our element, with a link inside for whoever runs no script."""
    written = "".join(f' {n}="{escape(value)}"' for n, value in attributes(shown).items())
    link = f'<a href="{escape(shown.head.address("/needs"))}">{escape(words)}</a>'
    return f"<tornallom-needs{written}>{link}</tornallom-needs>"


def script_tag(source: str, integrity: str) -> str:
    """Write the script's tag."""
    return (
        f'<script src="{escape(source)}" integrity="{escape(integrity)}" '
        'crossorigin="anonymous" referrerpolicy="no-referrer" defer></script>'
    )


def recipes(shown: Shown, words: str) -> Mapping[str, str]:
    """Write each recipe with the address in it: quotes in it are percent signs, never quotes."""
    filled = {
        "address": shown.address("/embed/needs.html"),
        "list": escape(shown.head.address("/needs")),
        "title": str(escape(words)).replace("\\", "&#92;"),
    }
    return {name: text % filled for name, text in RECIPES.items()}
