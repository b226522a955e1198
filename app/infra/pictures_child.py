"""Make a picture anew: the program that `pictures` starts, one process for each picture.

Decoders of pictures are where hostile files do their work. So they run apart from the service,
with limits on time and memory that the system itself holds, and answer with pixels written
anew: nothing of the file that came in but its colours is in what comes out.

Reads the file on stdin and the longest edge as argument; writes one line of JSON and then the
picture. Only the standard library and Pillow: it is started by path, outside the package.
"""

import io
import json
import sys
import warnings

from PIL import Image, ImageCms, ImageFile, ImageOps

PIXELS_MAX = 50_000_000
SECONDS_MAX = 15
MEMORY_MAX = 1_500_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
JPEG_QUALITY = 86
WEBP_QUALITY = 86


def limit_resources() -> None:
    """Let the system end us where a file would have us work without end."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows, where the parent's limit holds
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def make_anew(raw: bytes, edge_max: int) -> tuple[dict[str, object], bytes]:
    """Decode a picture and encode its pixels again, upright, in sRGB, bounded, and bare."""
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(io.BytesIO(raw), formats=FORMATS) as opened:
        kind = opened.format or ""
        profile = opened.info.get("icc_profile")
        opened.draft("RGB", (edge_max, edge_max))  # JPEG only: decodes a smaller one at once
        opened.seek(0)
        upright = ImageOps.exif_transpose(opened)
        pixels = _in_srgb(upright, profile)
    pixels.thumbnail((edge_max, edge_max), Image.Resampling.LANCZOS)
    # A new picture takes pixels alone: no EXIF, XMP, profile, comment or text chunk follows.
    bare = Image.new(pixels.mode, pixels.size)
    bare.paste(pixels)
    to = {"JPEG": "JPEG", "WEBP": "WEBP"}.get(kind, "PNG")
    said = {"format": to, "width": bare.width, "height": bare.height}
    return said, _encode(bare, to)


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    see_through = picture.has_transparency_data
    if picture.mode == "I;16" or picture.mode.startswith(("I", "F")):
        picture = _eight_bits(picture)
    if profile and picture.mode in {"RGB", "CMYK", "L"}:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            wanted = ImageCms.createProfile("sRGB")
            changed = ImageCms.profileToProfile(picture, source, wanted, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            changed = None  # a broken profile says nothing: the colours are taken as they are
        picture = changed or picture
    return picture.convert("RGBA" if see_through else "RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Bring sixteen bits of grey to eight: `convert` would cut everything bright to white."""
    if picture.mode == "F":
        return picture.convert("L")
    return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")


def _encode(picture: Image.Image, to: str) -> bytes:
    out = io.BytesIO()
    if to == "JPEG":
        picture.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY, optimize=True)
    elif to == "WEBP":
        picture.save(out, "WEBP", quality=WEBP_QUALITY, method=4)
    else:
        picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> int:
    """Answer on stdout; 1 says that this is no picture that can be shown."""
    limit_resources()
    raw = sys.stdin.buffer.read()
    try:
        said, made = make_anew(raw, int(sys.argv[1]))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        return 2
    except Exception:  # noqa: BLE001 - whatever a decoder trips over, the file is not shown
        return 1
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
