"""Hooks of MkDocs: links to files of the repository, which the site does not hold; and llms.txt, the list of pages."""

import re
from pathlib import Path
from typing import Any

REPOSITORY = "https://github.com/loopbench/loopbench/blob/main/"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead links out of docs/ to the repository."""
    return re.sub(r"\]\(\.\./", f"]({REPOSITORY}", markdown)


def on_post_build(config: Any, **_: Any) -> None:
    """Write llms.txt (llmstxt.org): the pages of the site for a language model."""
    index = (Path(config.docs_dir) / "index.md").read_text(encoding="utf-8")
    text = llms_text(index, config.site_name, config.site_description, config.site_url)
    (Path(config.site_dir) / "llms.txt").write_text(text, encoding="utf-8")


def llms_text(index: str, name: str, description: str, url: str) -> str:
    """Return docs/index.md with the title and the links that llms.txt needs."""
    linked = re.sub(r"\]\((?![a-z]+:)", f"]({url}", on_page_markdown(index))
    paged = re.sub(rf"\]\({re.escape(url)}([\w-]+)\.md", rf"]({url}\1/", linked)
    return re.sub(r"\A# .*", f"# {name}\n\n> {description}", paged)
