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
    """Custom properties for both themes, and the rules that turn the charts. Paper is always white in print."""
    light = (style.PAPER, style.INK, style.QUIET, style.GRID, style.SHADE)
    rules = "".join(_turn(colour, dark) for colour, dark in turned_colours())
    return (
        f":root{{{_variables(light)}color-scheme:light dark}}\n"
        "@media screen and (prefers-color-scheme:dark){"
        f":root{{{_variables(tuple(_DARK[colour] for colour in light))}}}\n{rules}}}\n"
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


def _variables(colours: tuple[str, ...]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in zip(VARIABLES, colours, strict=True))


def _turn(colour: str, dark: str) -> str:
    """No ancestor in the selectors: what `<use>` draws has none."""
    return f'[fill="{colour}"]{{fill:{dark}}}[stroke="{colour}"]{{stroke:{dark}}}\n'
