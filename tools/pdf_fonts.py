"""Make the fonts that PDF files are set in, from what the workspace's packages bring.

    npm ci --prefix frontend && pip install fonttools brotli
    python tools/pdf_fonts.py

Each face is cut from its variable font at one weight, its subsets (Latin, Latin extended, Greek,
Cyrillic) become one file, and what a statement never says is left out. Figures get one width, so
that sums stand under one another: the fonts have no tabular ones. Run once; the result is
committed, because a PDF must not depend on how an instance was built.
"""

import shutil
import tempfile
from pathlib import Path

from fontTools.merge import Merger
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "frontend/node_modules/@fontsource-variable"
TARGET = ROOT / "app/infra/fonts"
FACES = (
    ("commissioner", 400, "Commissioner", "Regular"),
    ("commissioner", 700, "Commissioner", "Bold"),
    ("literata", 800, "Literata", "ExtraBold"),
)
SUBSETS = ("latin", "latin-ext", "greek", "cyrillic")
# What is set in PDF files: the letters of names in Europe, punctuation, signs of money, minus.
RANGES = (
    (0x20, 0x7E), (0xA0, 0x17F), (0x218, 0x21B), (0x370, 0x3FF), (0x400, 0x45F),
    (0x490, 0x491), (0x2010, 0x2015), (0x2018, 0x201F), (0x2020, 0x2022),
    (0x2026, 0x2026), (0x2030, 0x2030), (0x2039, 0x203A), (0x20A0, 0x20C0), (0x2116, 0x2116),
    (0x2122, 0x2122), (0x2212, 0x2212),
)  # fmt: skip
DIGITS = range(0x30, 0x3A)


def make(family: str, weight: int, name: str, style: str) -> None:
    """Write one face of one weight."""
    with tempfile.TemporaryDirectory() as folder:
        parts = []
        for subset in SUBSETS:
            font = TTFont(PACKAGES / family / "files" / f"{family}-{subset}-wght-normal.woff2")
            font.flavor = None
            part = Path(folder) / f"{subset}.ttf"
            instantiateVariableFont(font, {"wght": weight}).save(part)
            parts.append(str(part))
        made = TTFont(parts[0])["head"].created
        merged = Merger().merge(parts)
    options = Options(hinting=False, layout_features=[], name_IDs=["*"], notdef_outline=True)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "vhea", "vmtx"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[code for low, high in RANGES for code in range(low, high + 1)])
    subsetter.subset(merged)
    _align_figures(merged)
    names = {1: name, 2: style, 4: f"{name} {style}", 6: f"{name}-{style}", 16: name, 17: style}
    for number, said in names.items():  # of the variable font they would all be "Thin"
        merged["name"].setName(said, number, 3, 1, 0x409)
    # The same file whenever it is made.
    merged.recalcTimestamp = False
    merged["head"].created = merged["head"].modified = made
    merged.save(TARGET / f"{family}-{weight}.ttf")


def _align_figures(font: TTFont) -> None:
    """Give every figure the width of the widest, in the middle of it."""
    widths, outlines, names = font["hmtx"], font["glyf"], font.getBestCmap()
    widest = max(widths[names[digit]][0] for digit in DIGITS)
    for digit in DIGITS:
        name = names[digit]
        advance, bearing = widths[name]
        shift = (widest - advance) // 2
        outlines[name].coordinates.translate((shift, 0))
        outlines[name].recalcBounds(outlines)
        widths[name] = (widest, bearing + shift)


def main() -> None:
    """Write every face, and the licences beside them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for family, weight, name, style in FACES:
        make(family, weight, name, style)
        shutil.copyfile(PACKAGES / family / "LICENSE", TARGET / f"{family}.LICENSE.txt")
        print(f"{family}-{weight}.ttf", (TARGET / f"{family}-{weight}.ttf").stat().st_size)


if __name__ == "__main__":
    main()
