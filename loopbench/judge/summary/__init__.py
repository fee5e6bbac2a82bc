"""A judged session for other readers: the answer in a sentence, tables, JSON, CSV, Markdown."""
