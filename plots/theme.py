"""The page's colours, light and dark, and how a chart drawn for white paper is turned for the dark."""

from collections.abc import Iterator
from typing import Final

from matplotlib.colors import to_hex, to_rgb

from loopbench.plots import style

DARK_PAPER: Final = "#14191e"
_DARK: Final = {
    style.PAPER: DARK_PAPER,
    style.INK: "#e8edf1",
    style.QUIET: "#a3afba",
    style.GRID: "#2b343c",
    style.SHADE: "#1d242b",
    "#c9d0d6": "#46525d",  # the other variants, behind (small_multiples)
    "#000000": "#e8edf1",
    style.STRUCK: "#7d8893",
}
_READABLE: Final = 4.5  # contrast of text, WCAG 2.1 level AA

VARIABLES: Final = ("paper", "ink", "quiet", "grid", "shade")


def css() -> str:
    """Return the style sheet of both themes, in which each colour of a chart is a variable.

    The choice on the page (`theme.html.j2`) sets `color-scheme`, which `light-dark()` follows. Both are inherited by
    what `<use>` draws, where a selector with an ancestor matches nothing. Paper is always white in print, and a browser
    without `light-dark()` (before 2024) shows the light theme and no choice.
    """
    light = (style.PAPER, style.INK, style.QUIET, style.GRID, style.SHADE)
    turned = list(turned_colours())
    named = dict(zip(VARIABLES, light, strict=True))
    variables = "".join(f"--{name}:light-dark({colour},{_DARK[colour]});" for name, colour in named.items())
    variables += "".join(f"--c{place}:light-dark({colour},{dark});" for place, (colour, dark) in enumerate(turned))
    rules = "".join(_turn(colour, f"var(--c{place})") for place, (colour, _) in enumerate(turned))
    return (
        f":root{{{''.join(f'--{name}:{colour};' for name, colour in named.items())}color-scheme:light}}\n"
        f"@supports (color:light-dark(#000,#fff)){{\n:root{{{variables}}}\n"
        "@media screen{:root{color-scheme:light dark}:root:has(#theme-light:checked){color-scheme:light}"
        ":root:has(#theme-dark:checked){color-scheme:dark}.theme{display:flex}}\n"
        f"{rules}}}\n"
    )


def turned_colours() -> Iterator[tuple[str, str]]:
    """Every colour a chart may carry, with the one for the dark."""
    yield from _DARK.items()
    for colour in dict.fromkeys(shade for base in style.COLOURS for shade in (base, style.Stroke(base).text_colour)):
        yield colour, lightened(colour)
    yield from ((colour, lightened(colour)) for colour in style.PARTS)


def lightened(colour: str) -> str:
    """The colour, mixed with white until small letters in it can be read on the dark paper."""
    while style.contrast(to_rgb(colour), to_rgb(DARK_PAPER)) < _READABLE:
        red, green, blue = (part + (1 - part) * 0.06 for part in to_rgb(colour))
        colour = to_hex((red, green, blue))
    return colour


def _turn(colour: str, shown: str) -> str:
    return f'[fill="{colour}"]{{fill:{shown}}}[stroke="{colour}"]{{stroke:{shown}}}\n'
